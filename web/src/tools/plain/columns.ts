/** What a row of a table has: fields of an object, read and written by path. Pure. */
import { classesOf, type LabelSchema } from "@/desk/schema";
import type { Entry } from "./shapes";

export interface Column {
  id: string;
  title: string;
  kind: "number" | "text" | "choice" | "boolean";
  choices?: readonly string[];
  wide?: boolean;
  get(entry: Entry): string;
  set(entry: Entry, said: string): Entry;
}

type Words = (key: string) => string;

/** Columns of a shape; undefined where no row could hold it. */
export function columnsOf(schema: LabelSchema, t: Words): Column[] | undefined {
  if (schema.shape === "segments")
    return [...segmentColumns(schema, t), ...attributeColumns(schema)];
  if (schema.shape === "cuboids") return [...cuboidColumns(schema, t), ...attributeColumns(schema)];
  return undefined;
}

/** Where a new object begins. */
export function freshEntry(schema: LabelSchema, entries: readonly Entry[], at: number): Entry {
  const [first] = classesOf(schema);
  const of = first ? { class: first.name } : {};
  if (schema.shape === "segments") return { ...of, start: at, end: +(at + 1).toFixed(3) };
  let number = entries.length + 1;
  while (entries.some((one) => one.id === String(number))) number += 1;
  return {
    id: String(number),
    ...of,
    centre: { x: 0, y: 0, z: 0 },
    size: { x: 4, y: 2, z: 1.5 },
    rotation: { w: 1 },
  };
}

function classColumn(schema: LabelSchema, t: Words): Column[] {
  const choices = classesOf(schema).map((one) => one.name);
  return choices.length > 0 ? [plain("class", t("plain.class"), "choice", choices)] : [];
}

function segmentColumns(schema: LabelSchema, t: Words): Column[] {
  return [
    number("start", t("plain.start")),
    number("end", t("plain.end")),
    ...classColumn(schema, t),
    plain("speaker", t("plain.speaker"), "text"),
    ...(schema.texts ? [{ ...plain("text", t("plain.text"), "text"), wide: true }] : []),
  ];
}

function cuboidColumns(schema: LabelSchema, t: Words): Column[] {
  const axes = ["x", "y", "z"] as const;
  return [
    ...classColumn(schema, t),
    ...axes.map((axis) => number(`centre.${axis}`, t(`plain.centre.${axis}`))),
    ...axes.map((axis) => number(`size.${axis}`, t(`plain.size.${axis}`))),
    {
      id: "yaw",
      title: t("plain.yaw"),
      kind: "number",
      get: (entry) => String(+yawOf(entry).toFixed(4)),
      set: (entry, said) => {
        const half = Number(said) / 2;
        return { ...entry, rotation: { w: Math.cos(half), z: Math.sin(half) } };
      },
    },
  ];
}

/** Turn about the vertical, in radians. */
function yawOf(entry: Entry): number {
  const { w = 1, x = 0, y = 0, z = 0 } = (entry.rotation ?? {}) as Record<string, number>;
  return Math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z));
}

function attributeColumns(schema: LabelSchema): Column[] {
  return (schema.attributes ?? []).map((rule) => {
    const kind = rule.type;
    return {
      id: `attributes.${rule.name}`,
      title: rule.name,
      kind,
      ...(rule.type === "choice" ? { choices: rule.choices ?? [] } : {}),
      get: (entry) => (entry.attributes as Record<string, string> | undefined)?.[rule.name] ?? "",
      set: (entry, said) => {
        const attributes = { ...(entry.attributes as Record<string, string> | undefined) };
        if (said === "") delete attributes[rule.name];
        else attributes[rule.name] = said;
        const { attributes: _before, ...left } = entry;
        return Object.keys(attributes).length > 0 ? { ...left, attributes } : left;
      },
    };
  });
}

function plain(
  id: string,
  title: string,
  kind: Column["kind"],
  choices?: readonly string[],
): Column {
  return {
    id,
    title,
    kind,
    ...(choices ? { choices } : {}),
    get: (entry) => String(entry[id] ?? ""),
    set: (entry, said) => {
      const { [id]: _before, ...left } = entry;
      return said === "" ? left : { ...left, [id]: said };
    },
  };
}

/** A number at a path of one or two steps. */
function number(id: string, title: string): Column {
  const [outer, inner] = id.split(".") as [string, string | undefined];
  return {
    id,
    title,
    kind: "number",
    get: (entry) => {
      const found = inner ? (entry[outer] as Entry | undefined)?.[inner] : entry[outer];
      return String(found ?? 0);
    },
    set: (entry, said) => {
      const value = Number(said);
      if (!Number.isFinite(value)) return entry;
      if (!inner) return { ...entry, [outer]: value };
      return { ...entry, [outer]: { ...(entry[outer] as Entry | undefined), [inner]: value } };
    },
  };
}
