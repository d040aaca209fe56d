/** What can be told of a label in the page; the server checks the rest when it is submitted. */
import type { LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";
import { attributeFaults, classFaults, countFaults } from "../common/rules";
import type { Fault, ToolContext } from "../contract";
import { type Entry, entriesOf, listOf } from "./shapes";

type Words = ToolContext["t"];

export function faultsOf(value: Value, schema: LabelSchema, t: Words): Fault[] {
  const { shape } = schema;
  const fields = Object.keys(value);
  if (fields.length !== 1 || fields[0] !== shape) {
    return [{ field: shape, message: t("plain.shape", { shape }) }];
  }
  const list = listOf(shape);
  if (!list) return [];
  const entries = entriesOf(value, shape);
  const field = `${shape}.${list}`;
  return [
    ...countFaults(entries.length, schema, field, t),
    ...frameFaults(value, schema, t),
    ...entries.flatMap((one, row) => entryFaults(one, row, `${field}[${row}]`, schema, t)),
    ...idFaults(entries, field, t),
    ...(shape === "segments" && schema.exclusive ? overlaps(entries, field, t) : []),
  ];
}

function frameFaults(value: Value, schema: LabelSchema, t: Words): Fault[] {
  const { shape, frame } = schema;
  const given = (value[shape] as Entry | undefined)?.frame;
  if (typeof frame !== "string" || given === frame) return [];
  return [{ field: `${shape}.frame`, message: t("plain.frame", { frame }) }];
}

function entryFaults(
  one: Entry,
  row: number,
  field: string,
  schema: LabelSchema,
  t: Words,
): Fault[] {
  const name = typeof one.class === "string" ? one.class : "";
  const object = String(row);
  const at = { field, object };
  const attributes = one.attributes as Record<string, string> | undefined;
  const told = (message: string) => ({ ...at, message });
  return [
    ...classFaults([name], schema, field, t).map((fault) => ({ ...fault, object })),
    ...attributeFaults(attributes, name, schema, at, t),
    ...(schema.shape === "segments" ? segmentFaults(one, row + 1, schema, t).map(told) : []),
    ...(schema.shape === "cuboids" ? cuboidFaults(one, row + 1, schema, t).map(told) : []),
  ];
}

function segmentFaults(one: Entry, row: number, schema: LabelSchema, t: Words): string[] {
  const [start, end] = [numberOf(one.start), numberOf(one.end)];
  const told: string[] = [];
  if (!(start >= 0 && start < end)) told.push(t("plain.times", { row }));
  if (schema.texts && !String(one.text ?? "").trim()) told.push(t("plain.words", { row }));
  return told;
}

function cuboidFaults(one: Entry, row: number, schema: LabelSchema, t: Words): string[] {
  const size = (one.size ?? {}) as Entry;
  const centre = (one.centre ?? {}) as Entry;
  const axes = ["x", "y", "z"];
  const told: string[] = [];
  if (axes.some((axis) => numberOf(size[axis]) <= 0)) told.push(t("plain.sizes", { row }));
  const range = typeof schema.range === "number" ? schema.range : 0;
  if (range > 0 && axes.some((axis) => Math.abs(numberOf(centre[axis])) > range)) {
    told.push(t("plain.far", { row, range }));
  }
  return told;
}

function idFaults(entries: readonly Entry[], field: string, t: Words): Fault[] {
  const seen = new Set<unknown>();
  for (const { id } of entries) {
    if (!id) continue;
    if (seen.has(id)) return [{ field, message: t("plain.id", { id: String(id) }) }];
    seen.add(id);
  }
  return [];
}

/** One speaker speaks once at a time. */
function overlaps(entries: readonly Entry[], field: string, t: Words): Fault[] {
  const spoken = entries
    .map((one, row) => ({
      row,
      start: numberOf(one.start),
      end: numberOf(one.end),
      who: one.speaker ?? "",
    }))
    .sort((one, other) => one.start - other.start);
  const last = new Map<unknown, number>();
  return spoken.flatMap(({ row, start, end, who }) => {
    const before = last.get(who) ?? 0;
    last.set(who, Math.max(before, end));
    if (start >= before) return [];
    return [
      {
        field: `${field}[${row}]`,
        object: String(row),
        message: t("plain.twice", { row: row + 1 }),
      },
    ];
  });
}

function numberOf(said: unknown): number {
  return typeof said === "number" ? said : 0;
}
