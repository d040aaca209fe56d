/** Other answers beside the one on the stage: what only they have, and what they lack. */

import type { Value } from "@/desk/value";
import { button, h } from "../common/dom";
import type { ToolContext } from "../contract";
import { type Mark, type State, stateOf } from "./model";

export interface Answer {
  label: string;
  state: State;
}

export function answersOf(values: readonly { label: string; value: Value }[]): Answer[] {
  return values.map(({ label, value }) => ({
    label,
    state: stateOf(value, "readonly", undefined),
  }));
}

const nameOf = (mark: Mark) => `${mark.start}-${mark.end}-${mark.class}`;

/** Spans of others that the stage does not have. */
export function onlyTheirs(mine: readonly Mark[], answers: readonly Answer[]): Mark[] {
  const known = new Set(mine.map(nameOf));
  return answers.flatMap((one) => one.state.marks.filter((mark) => !known.has(nameOf(mark))));
}

function relations(state: State): string[] {
  const names = new Map(state.marks.map((one) => [one.key, nameOf(one)]));
  return state.links.map((one) => `${one.class}|${names.get(one.head)}|${names.get(one.tail)}`);
}

export function drawOthers(
  box: HTMLElement,
  mine: State,
  answers: readonly Answer[],
  quote: (mark: Mark) => string,
  show: (mark: Mark) => void,
  context: ToolContext,
): void {
  box.hidden = answers.length === 0;
  const { t, titleOf } = context;
  const kept = mine.marks.filter((one) => one.state !== "rejected");
  const part = (mark: Mark, kind: "added" | "gone") =>
    button(
      `${kind === "added" ? "+" : "−"} ${titleOf(mark.class)} “${quote(mark)}”`,
      () => show(mark),
      {
        class: `spans-diff tool-${kind}`,
        title: t(kind === "added" ? "answers.onlyTheirs" : "answers.onlyMine"),
      },
    );
  box.replaceChildren(
    ...answers.map((answer) => {
      const known = new Set(answer.state.marks.map(nameOf));
      const added = onlyTheirs(kept, [answer]);
      const gone = kept.filter((one) => !known.has(nameOf(one)));
      const joined = relationParts(mine, answer.state, kept, quote, context);
      const same = added.length + gone.length + joined.length === 0;
      return h(
        "div",
        { class: "tool-compare-row" },
        h("span", { class: "tool-compare-who", text: answer.label }),
        ...added.map((one) => part(one, "added")),
        ...gone.map((one) => part(one, "gone")),
        ...joined,
        same && h("span", { class: "tool-same", text: t("answers.same") }),
      );
    }),
  );
}

/** Relations that only one of the two has. */
function relationParts(
  mine: State,
  theirs: State,
  kept: readonly Mark[],
  quote: (mark: Mark) => string,
  { titleOf }: ToolContext,
): HTMLElement[] {
  const one = new Set(relations(mine));
  const other = new Set(relations(theirs));
  const quotes = new Map([...kept, ...theirs.marks].map((mark) => [nameOf(mark), quote(mark)]));
  const words = (relation: string) => {
    const [name, head, tail] = relation.split("|");
    return `${quotes.get(head ?? "") ?? "?"} → ${titleOf(name ?? "")} → ${quotes.get(tail ?? "") ?? "?"}`;
  };
  return [
    ...[...other]
      .filter((name) => !one.has(name))
      .map((name) => h("ins", { class: "tool-added", text: `+ ${words(name)}` })),
    ...[...one]
      .filter((name) => !other.has(name))
      .map((name) => h("del", { class: "tool-gone", text: words(name) })),
  ];
}
