/**
 * Colours of classes: Okabe-Ito (2008, colour-universal design) first, then further hues checked
 * for the common colour-vision deficiencies on the dark stage. A template's own colour wins.
 */
import { classesOf, type LabelSchema } from "@/desk/schema";

const COLORS = [
  "#56b4e9",
  "#e69f00",
  "#2ec4a0",
  "#f0e442",
  "#4a90d9",
  "#ff7a33",
  "#e08dc2",
  "#b5b5b5",
  "#9ad14b",
  "#c79bff",
  "#ffb3a7",
  "#5fe0e6",
  "#d9a066",
  "#7f9cff",
  "#ff6f91",
  "#b8d8a0",
  "#e0c3fc",
  "#c2b280",
  "#7fd1ae",
  "#ffd27f",
];

export function paletteOf(schema: LabelSchema): (name: string) => string {
  const known = new Map(
    classesOf(schema).map((one, place) => [one.name, one.color ?? COLORS[place % COLORS.length]!]),
  );
  return (name) => known.get(name) ?? COLORS[hash(name) % COLORS.length]!;
}

function hash(text: string): number {
  let sum = 0;
  for (let place = 0; place < text.length; place += 1)
    sum = (sum * 31 + text.charCodeAt(place)) >>> 0;
  return sum;
}
