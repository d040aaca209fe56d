/** What is compared: in an order of chance that stays with the task, and without names of models. */
import type { ToolTask } from "../contract";

export interface Candidate {
  id: string;
  letter: string;
  text?: string;
  /** Address of a picture. */
  image?: string;
}

export function letterOf(place: number): string {
  return place < 26
    ? String.fromCharCode(65 + place)
    : `${letterOf(Math.floor(place / 26) - 1)}${letterOf(place % 26)}`;
}

export function candidatesOf(task: ToolTask): Candidate[] {
  const field = task.fields.find((one) => one.type === "candidates");
  const offered = field ? task.data[field.name] : undefined;
  if (!field || !Array.isArray(offered)) return [];
  const all = offered.map((one, place) => ({
    id: String(one?.id ?? place),
    text: typeof one?.text === "string" ? (one.text as string) : undefined,
    image: task.media.find((file) => file.field === `${field.name}.${place}`)?.url,
  }));
  return shuffled(all, task.id).map(({ id, text, image }, place) => ({
    id,
    letter: letterOf(place),
    ...(text === undefined ? {} : { text }),
    ...(image === undefined ? {} : { image }),
  }));
}

/** The same order for the same seed, and no order that could be told from another's. */
export function shuffled<T>(list: readonly T[], seed: string): T[] {
  const next = random(seed);
  const mixed = [...list];
  for (let place = mixed.length - 1; place > 0; place -= 1) {
    const other = Math.floor(next() * (place + 1));
    [mixed[place], mixed[other]] = [mixed[other]!, mixed[place]!];
  }
  return mixed;
}

/** Numbers in [0, 1): FNV-1a of the seed into mulberry32. */
function random(seed: string): () => number {
  let state = 2166136261;
  for (const letter of seed) state = Math.imul(state ^ letter.codePointAt(0)!, 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
