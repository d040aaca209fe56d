/** The server's rules for classes, counts, attributes and scales, told as faults. */
import { type AttributeDefinition, classesOf, type LabelSchema, type Scale } from "@/desk/schema";
import type { Rating } from "@/desk/value";
import type { Fault, ToolContext } from "../contract";

type Words = ToolContext["t"];
const STEP = 1e-6;

export function countFaults(count: number, schema: LabelSchema, field: string, t: Words): Fault[] {
  const least = schema.min_objects ?? 0;
  const most = schema.max_objects ?? 0;
  if (most > 0 && count > most)
    return [{ field, message: t("tool.fault.tooMany", { count: most }) }];
  if (count < least) return [{ field, message: t("tool.fault.tooFew", { count: least }) }];
  return [];
}

export function classFaults(
  classes: readonly string[],
  schema: LabelSchema,
  field: string,
  t: Words,
): Fault[] {
  const known = new Set(classesOf(schema).map((one) => one.name));
  const strange = classes.filter((one) => !known.has(one) && (known.size > 0 || one !== ""));
  return strange.map((name) => ({ field, message: t("tool.fault.unknownClass", { name }) }));
}

/** Attributes that an object of the class may have. */
export function attributesOf(schema: LabelSchema, name: string): AttributeDefinition[] {
  return (schema.attributes ?? []).filter(
    (one) => !one.classes?.length || one.classes.includes(name),
  );
}

export function attributeFaults(
  given: Record<string, string> | undefined,
  name: string,
  schema: LabelSchema,
  at: { field: string; object?: string },
  t: Words,
): Fault[] {
  const rules = attributesOf(schema, name);
  const wrong = rules.filter((rule) => {
    const said = given?.[rule.name];
    return said === undefined ? Boolean(rule.required) : !fits(said, rule);
  });
  const strange = Object.keys(given ?? {}).filter((one) => !rules.some((r) => r.name === one));
  return [...wrong.map((one) => one.name), ...strange].map((one) => ({
    ...at,
    field: `${at.field}.attributes.${one}`,
    message: t("tool.fault.attribute", { name: one }),
  }));
}

function fits(said: string, rule: AttributeDefinition): boolean {
  if (rule.type === "choice") return rule.choices?.includes(said) ?? false;
  if (rule.type === "boolean") return said === "true" || said === "false";
  if (rule.type === "number") {
    const number = said.trim() === "" ? Number.NaN : Number(said);
    const { min = 0, max = 0 } = rule;
    return Number.isFinite(number) && ((!min && !max) || (number >= min && number <= max));
  }
  return true;
}

/** Does a rating lie on its scale? */
export function onScale(value: number, scale: Scale): boolean {
  if (value < scale.min || value > scale.max) return false;
  if (!scale.step) return true;
  const steps = (value - scale.min) / scale.step;
  return Math.abs(steps - Math.round(steps)) * scale.step <= STEP;
}

/** Ratings of known scales within their ends, and one for each scale and subject asked about. */
export function ratingFaults(
  ratings: readonly Rating[],
  schema: LabelSchema,
  subjects: readonly { id: string; title: string }[],
  field: string,
  t: Words,
): Fault[] {
  const faults: Fault[] = [];
  for (const scale of schema.scales ?? []) {
    for (const { id, title } of subjects) {
      const found = ratings.find((one) => one.scale === scale.name && (one.subject ?? "") === id);
      const name = title ? `${title}: ${scale.name}` : scale.name;
      if (!found) faults.push({ field, message: t("tool.fault.rate", { scale: name }) });
      else if (!onScale(found.value ?? 0, scale)) {
        const { min, max } = scale;
        faults.push({ field, message: t("tool.fault.scale", { scale: name, min, max }) });
      }
    }
  }
  return faults;
}
