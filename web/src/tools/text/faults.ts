/** The server's rules for spans and relations. */
import type { LabelSchema } from "@/desk/schema";
import { attributeFaults, classFaults, countFaults } from "../common/rules";
import type { Fault, ToolContext } from "../contract";
import type { Link, Mark, State } from "./model";

export type RelationRule = NonNullable<LabelSchema["relations"]>[number];

/** May this relation go from the one span to the other? */
export function joins(rule: RelationRule, head: Mark | undefined, tail: Mark | undefined): boolean {
  if (!head || !tail || head.key === tail.key) return false;
  return (
    (!rule.heads?.length || rule.heads.includes(head.class)) &&
    (!rule.tails?.length || rule.tails.includes(tail.class))
  );
}

/** `length` of the text in code points. */
export function faultsOf(
  state: State,
  schema: LabelSchema,
  length: number,
  t: ToolContext["t"],
): Fault[] {
  const marks = state.marks.filter((one) => one.state !== "rejected");
  const field = "spans.spans";
  const of = (mark: Mark, place: number): Fault[] => {
    const at = { field: `${field}[${place}]`, object: mark.key };
    const outside = mark.start < 0 || mark.end <= mark.start || mark.end > length;
    const classes = classFaults([mark.class], schema, at.field, t);
    return [
      ...(outside ? [{ ...at, message: t("spans.place") }] : []),
      ...classes.map((one) => ({ ...one, object: mark.key })),
      ...attributeFaults(mark.attributes, mark.class, schema, at, t),
    ];
  };
  return [
    ...countFaults(marks.length, schema, field, t),
    ...marks.flatMap(of),
    ...linkFaults(state.links, marks, schema, t),
  ];
}

function linkFaults(
  links: readonly Link[],
  marks: readonly Mark[],
  schema: LabelSchema,
  t: ToolContext["t"],
): Fault[] {
  const rules = new Map((schema.relations ?? []).map((one) => [one.class, one]));
  const byKey = new Map(marks.map((one) => [one.key, one]));
  const faults = links.flatMap((link, place): Fault[] => {
    const at = { field: `spans.relations[${place}]`, object: link.key };
    const rule = rules.get(link.class);
    if (!rule) return [{ ...at, message: t("tool.fault.unknownClass", { name: link.class }) }];
    const fits = joins(rule, byKey.get(link.head), byKey.get(link.tail));
    const ends = fits ? [] : [{ ...at, message: t("spans.ends", { name: link.class }) }];
    return [...ends, ...attributeFaults(link.attributes, link.class, schema, at, t)];
  });
  for (const [name, rule] of rules) {
    const own = links.filter((one) => one.class === name);
    if (!rule.cyclic && circular(own)) {
      faults.push({
        field: "spans.relations",
        object: own[0]!.key,
        message: t("spans.circle", { name }),
      });
    }
  }
  return faults;
}

function circular(links: readonly Link[]): boolean {
  const left = new Set(links);
  for (;;) {
    const reached = new Set([...left].map((one) => one.tail));
    const free = [...left].filter((one) => !reached.has(one.head));
    if (free.length === 0) return left.size > 0;
    for (const one of free) left.delete(one);
  }
}
