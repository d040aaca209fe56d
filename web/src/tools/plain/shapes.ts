/** Shapes that have no drawing tool: where their objects are, and what a first one looks like. */
import { classesOf, type LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";

export type Entry = Record<string, unknown>;

/** Shape -> field of the list in it. */
const LISTS: Record<string, string> = {
  segments: "segments",
  tracks: "tracks",
  cuboids: "cuboids",
  cuboid_tracks: "tracks",
  map: "elements",
};

export function listOf(shape: string): string | undefined {
  return LISTS[shape];
}

export function entriesOf(value: Value, shape: string): readonly Entry[] {
  const list = LISTS[shape];
  const inner = value[shape] as Entry | undefined;
  const found = list ? inner?.[list] : undefined;
  return Array.isArray(found) ? (found as Entry[]) : [];
}

export function withEntries(value: Value, shape: string, entries: readonly Entry[]): Value {
  const inner = (value[shape] as Entry | undefined) ?? {};
  return { ...value, [shape]: { ...inner, [LISTS[shape]!]: entries } };
}

/** Nothing is there, said in the shape's own way. */
export function emptyOf(schema: LabelSchema): Value {
  const { shape } = schema;
  const frame = typeof schema.frame === "string" ? { frame: schema.frame } : {};
  const list = LISTS[shape];
  if (list)
    return {
      [shape]: { ...(shape.startsWith("cuboid") || shape === "map" ? frame : {}), [list]: [] },
    };
  if (shape === "fusion")
    return { fusion: { cuboids: { ...frame, cuboids: [] }, cameras: [], links: [] } };
  if (shape === "points") return { points: { count: 0, classes: namesOf(schema), class_runs: [] } };
  if (shape === "composite") return { composite: { parts: [] } };
  return { [shape]: {} };
}

function namesOf(schema: LabelSchema): string[] {
  return classesOf(schema).map((one) => one.name);
}

/** A label as the template would have it, with one object to be written over. */
export function exampleOf(schema: LabelSchema): Value {
  const { shape } = schema;
  const [name] = namesOf(schema);
  const of = name === undefined ? {} : { class: name };
  const empty = emptyOf(schema);
  const box = {
    id: "1",
    ...of,
    centre: { x: 10, y: 0, z: 0 },
    size: { x: 4, y: 2, z: 1.5 },
    rotation: { w: 1 },
  };
  const rect = { rect: { x: 10, y: 10, width: 60, height: 30 } };
  const { id, class: _class, ...placed } = box as Entry;
  const first: Record<string, Entry> = {
    segments: { ...of, start: 0, end: 1 },
    tracks: { id, ...of, frames: [{ frame: 0, ...rect }] },
    cuboids: box,
    cuboid_tracks: { id, ...of, frames: [{ frame: 0, ...placed }] },
    map: { id, ...of, ...elementOf(schema) },
  };
  if (first[shape]) return withEntries(empty, shape, [first[shape]]);
  if (shape === "fusion") {
    const { cuboids } = empty.fusion as { cuboids: Entry };
    return {
      fusion: {
        cuboids: { ...cuboids, cuboids: [box] },
        cameras: [{ camera: "front", objects: [{ id: "a", ...of, ...rect }] }],
        links: [{ cuboid: "1", camera: "front", object: "a" }],
      },
    };
  }
  if (shape === "points") {
    return { points: { count: 100, classes: namesOf(schema), class_runs: [1, 60, 0, 40] } };
  }
  return empty;
}

function elementOf(schema: LabelSchema): Entry {
  const kind = schema.geometries?.[0] ?? "line";
  if (kind === "box") return { box: { x: 0, y: 0, length: 4, width: 2 } };
  if (kind === "area") return { area: { points: [0, 0, 0, 4, 0, 0, 4, 2, 0] } };
  return { line: { points: [0, 0, 0, 10, 0, 0] } };
}
