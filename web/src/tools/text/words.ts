/** Where words begin and end, in UTF-16 units, also in languages without spaces. */
import { addWords } from "@/app/i18n";

export interface Stretch {
  start: number;
  end: number;
}

const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu;
/** A text with this share of such characters is marked by characters at first. */
const MOSTLY = 0.3;

export class Words {
  readonly all: readonly Stretch[];

  constructor(readonly text: string) {
    const cut = new Intl.Segmenter(undefined, { granularity: "word" });
    const found: Stretch[] = [];
    for (const { index, segment, isWordLike } of cut.segment(text)) {
      if (isWordLike) found.push({ start: index, end: index + segment.length });
    }
    this.all = found;
  }

  /** The number of the first word that ends behind a place. */
  after(place: number): number {
    let [low, high] = [0, this.all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.all[middle]!.end > place) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Grown to whole words; what holds no word is left as it is, without spaces around it. */
  snap({ start, end }: Stretch): Stretch {
    const first = this.all[this.after(start)];
    const last = this.all[this.after(end - 1)] ?? this.all.at(-1);
    if (!first || !last || first.start >= end) return trim(this.text, { start, end });
    const until = last.start >= end ? this.all[this.after(end - 1) - 1]! : last;
    return trim(this.text, {
      start: Math.min(start, first.start),
      end: Math.max(until.end, end),
    });
  }
}

/** Without spaces at its ends. */
export function trim(text: string, { start, end }: Stretch): Stretch {
  let [from, to] = [start, end];
  while (from < to && /\s/.test(text[from]!)) from += 1;
  while (to > from && /\s/.test(text[to - 1]!)) to -= 1;
  return { start: from, end: to };
}

export function unspaced(text: string): boolean {
  const sample = text.slice(0, 2_000);
  return (sample.match(UNSPACED)?.length ?? 0) > sample.length * MOSTLY;
}

addWords("spans", {
  en: {
    text: "The text to mark",
    classes: "Classes of spans",
    relations: "Relations",
    nextWord: "Next word",
    previousWord: "Previous word",
    longer: "One word more",
    shorter: "One word less",
    startLater: "Begin later",
    startEarlier: "Begin earlier",
    noRelation: "No relation of this template goes from a {{head}} to a {{tail}}.",
    itself: "A relation joins two different spans.",
    circle: "Relations “{{name}}” go round in a circle.",
    place: "This span lies outside of the text.",
    ends: "The ends of the relation “{{name}}” do not fit it.",
    none: "The item has no text.",
  },
  zh: {
    text: "要标注的文本",
    classes: "文本片段的类别",
    relations: "关系",
    nextWord: "下一个词",
    previousWord: "上一个词",
    longer: "多选一个词",
    shorter: "少选一个词",
    startLater: "起点后移",
    startEarlier: "起点前移",
    noRelation: "此模板没有从“{{head}}”到“{{tail}}”的关系。",
    itself: "关系要连接两个不同的片段。",
    circle: "关系“{{name}}”形成了环。",
    place: "此片段超出了文本范围。",
    ends: "关系“{{name}}”的两端不符合要求。",
    none: "此条目没有文本。",
  },
});
