/** Prompts with variables: which there are, and what is wrong with them. Pure. */
import type { LabelSchema } from "@/desk/schema";
import type { PromptValue, PromptVariable } from "@/desk/value";
import { classFaults } from "../common/rules";
import type { Fault, ToolContext } from "../contract";

const VARIABLE = /\{\{\s*([^{}\s]{1,100})\s*\}\}/gu;
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,62}$/;

/** Names of the variables of a prompt, as they first come. */
export function namesIn(prompt: PromptValue): string[] {
  const text = `${prompt.text ?? ""}${prompt.system ?? ""}`;
  return [...new Set([...text.matchAll(VARIABLE)].map((one) => one[1]!))];
}

/** With a row for each variable that the texts name, and no other; `kept` has what they said before. */
export function synced(prompt: PromptValue, kept: Map<string, PromptVariable>): PromptValue {
  const known = prompt.variables ?? [];
  for (const one of known) kept.set(one.name, one);
  const names = namesIn(prompt);
  const same = names.length === known.length && known.every((one) => names.includes(one.name));
  if (same) return prompt;
  const stay = known.filter((one) => names.includes(one.name));
  const fresh = names
    .filter((name) => !stay.some((one) => one.name === name))
    .map((name) => kept.get(name) ?? { name });
  const variables = [...stay, ...fresh];
  const { variables: _before, ...left } = prompt;
  return variables.length > 0 ? { ...left, variables } : left;
}

/** The prompt as it reads with an example's values: text, and which of it was filled in. */
export function filled(
  prompt: PromptValue,
  values: Readonly<Record<string, string>>,
): { text: string; name?: string }[] {
  const rules = new Map((prompt.variables ?? []).map((one) => [one.name, one]));
  const parts: { text: string; name?: string }[] = [];
  let from = 0;
  const text = prompt.text ?? "";
  for (const found of text.matchAll(VARIABLE)) {
    const name = found[1]!;
    parts.push({ text: text.slice(from, found.index) });
    parts.push({ text: values[name] || rules.get(name)?.default || found[0], name });
    from = found.index + found[0].length;
  }
  return [...parts, { text: text.slice(from) }].filter((one) => one.text !== "");
}

export function promptFaults(
  prompt: PromptValue,
  schema: LabelSchema,
  t: ToolContext["t"],
): Fault[] {
  const names = namesIn(prompt);
  const rules = prompt.variables ?? [];
  const described = rules.map((one) => one.name);
  const field = "prompt.variables";
  const odd = [
    ...names.filter((one) => !described.includes(one)),
    ...described.filter((one, place) => !names.includes(one) || described.indexOf(one) < place),
  ];
  const bad = described.filter((one) => !NAME.test(one));
  return [
    ...((prompt.text ?? "").trim() === ""
      ? [{ field: "prompt.text", message: t("tool.fault.promptMissing") }]
      : []),
    ...odd.map((name) => ({ field, message: t("tool.fault.variable", { name }) })),
    ...bad.map((name) => ({ field, message: t("writing.badName", { name }) })),
    ...(prompt.examples ?? []).flatMap((one, place) =>
      exampleFaults(one.variables ?? {}, rules, place, t),
    ),
    ...classFaults(prompt.classes ?? [], schema, "prompt.classes", t),
  ];
}

function exampleFaults(
  given: Record<string, string>,
  rules: readonly PromptVariable[],
  place: number,
  t: ToolContext["t"],
): Fault[] {
  const wrong = (rule: PromptVariable) => {
    const said = given[rule.name];
    if (said === undefined) return Boolean(rule.required);
    return Boolean(rule.choices?.length) && !rule.choices!.includes(said);
  };
  const strange = Object.keys(given).filter((name) => !rules.some((one) => one.name === name));
  return [...rules.filter(wrong).map((one) => one.name), ...strange].map((name) => ({
    field: `prompt.examples[${place}].variables.${name}`,
    message: `${t("writing.exampleOf", { number: place + 1 })}: ${t("tool.fault.attribute", { name })}`,
  }));
}
