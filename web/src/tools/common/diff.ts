/** What was changed in a text, word by word, also in languages without spaces. */
import { diffArrays } from "diff";
import { h } from "./dom";

export interface Part {
  text: string;
  kind: "same" | "gone" | "new";
}

/** Words that may differ before it is said that everything does. */
const MOST_EDITS = 3_000;
const CUT = new Intl.Segmenter(undefined, { granularity: "word" });

function pieces(text: string): string[] {
  return Array.from(CUT.segment(text), (one) => one.segment);
}

/** undefined: too much has changed to say what. */
export function changes(before: string, after: string): Part[] | undefined {
  const found = diffArrays(pieces(before), pieces(after), { maxEditLength: MOST_EDITS });
  return found?.map(({ value, added, removed }) => ({
    text: value.join(""),
    kind: added ? "new" : removed ? "gone" : "same",
  }));
}

/** Share of characters that both have, 0 to 1. */
export function similarity(parts: readonly Part[]): number {
  let [same, all] = [0, 0];
  for (const { text, kind } of parts) {
    if (kind === "same") same += 2 * text.length;
    all += (kind === "same" ? 2 : 1) * text.length;
  }
  return all === 0 ? 1 : same / all;
}

export function drawParts(parts: readonly Part[]): HTMLElement[] {
  return parts.map(({ text, kind }) => {
    if (kind === "same") return h("span", { text });
    return h(kind === "new" ? "ins" : "del", {
      class: kind === "new" ? "tool-added" : "tool-gone",
      text,
    });
  });
}
