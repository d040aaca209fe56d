"""{path} -> [[text, [[start, end, label]], cats]] as spaCy reads a DocBin; {path, again} writes it
there as spaCy does."""

import json
import sys

import spacy
from spacy.tokens import DocBin


def main() -> None:
    question = json.load(sys.stdin)
    docs = list(DocBin().from_disk(question["path"]).get_docs(spacy.blank("xx").vocab))
    if "again" in question:
        DocBin(docs=docs).to_disk(question["again"])
    answer = []
    for doc in docs:
        spans = doc.ents or doc.spans.get("sc", [])
        places = [[s.start_char, s.end_char, s.label_] for s in spans]
        answer.append([doc.text, sorted(places), doc.cats])
    print(json.dumps(answer))


main()
