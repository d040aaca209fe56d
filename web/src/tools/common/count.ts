/** Counts words, also in languages without spaces. */
const CUT = new Intl.Segmenter(undefined, { granularity: "word" });

export function countWords(text: string): number {
  let count = 0;
  for (const { isWordLike } of CUT.segment(text)) if (isWordLike) count += 1;
  return count;
}
