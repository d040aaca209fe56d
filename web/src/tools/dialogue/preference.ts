/** Which of two is better, and by how much. */
import type { LabelSchema } from "@/desk/schema";
import type { Preference, Value } from "@/desk/value";
import type { Core } from "../common/core";
import { button, h, kbd, onTyped, say } from "../common/dom";
import { ratingFaults } from "../common/rules";
import type { Fault, ToolContext, ToolTask } from "../contract";
import type { Board, Question, Questions } from "./board";
import { type Candidate, candidatesOf } from "./candidates";
import { Cards } from "./cards";
import { isOpen, preferring } from "./preferred";
import { rated, ratingOf, ratingQuestion } from "./ratings";

const SAID = "said";
/** Slightly, clearly, by far. */
const LEVELS = [1, 2, 3];
type Outcome = Preference["outcome"];

export function preferenceBoard(
  context: ToolContext,
  core: Core<Value>,
  questions: Questions,
): Board {
  const { t } = context;
  let schema: LabelSchema = { shape: "preference" };
  let candidates: Candidate[] = [];
  const now = () => core.state.preference as Partial<Preference> | undefined;

  const cards = new Cards({
    context,
    pick: (one) => choose("CHOSEN", one),
    rate: (one, scale, value) => rate(one, scale, value),
  });
  const outcomes = h("div", { class: "board-row", role: "radiogroup" });
  const said = t("tool.dialogue.strengths").split("|");
  const words = LEVELS.map((level) => said[level - 1]?.trim() ?? String(level));
  const strengths = words.map((word, place) => {
    const one = button(word, () => strengthen(place + 1), {
      class: "tool-button",
      role: "radio",
    });
    one.append(kbd(`Shift+${place + 1}`)!);
    return one;
  });
  const strength = h(
    "div",
    { class: "board-row", role: "radiogroup" },
    h("span", { class: "tool-label", text: t("tool.dialogue.strength") }),
    ...strengths,
  );
  strength.setAttribute("aria-label", t("tool.dialogue.strength"));
  const reason = h("input", {
    class: "tool-input tool-grow",
    placeholder: t("tool.dialogue.reason"),
  });
  reason.setAttribute("aria-label", t("tool.dialogue.reason"));
  reason.maxLength = 10_000;
  onTyped(reason, (text) => set({ reason: text }, "reason"));
  const foot = h(
    "footer",
    { class: "board-foot" },
    outcomes,
    h("div", { class: "board-row" }, strength, reason),
  );
  const element = h("div", { class: "board" }, cards.element, foot);

  function set(change: Partial<Preference>, typed?: string): void {
    const preference = { ...now(), ...change } as Preference;
    if (typed) core.type(typed, { preference });
    else core.change({ preference });
  }

  function choose(outcome: Outcome, one?: Candidate): void {
    questions.take(SAID);
    core.change({ preference: preferring(now(), outcome, one?.id, ids()) });
  }

  function ids(): string[] {
    return candidates.map((one) => one.id);
  }

  function strengthen(value: number): void {
    if (now()?.outcome === "CHOSEN") set({ strength: value });
  }

  function rate(one: Candidate, scale: string, value: number): void {
    questions.take(`${one.id}/${scale}`);
    set({ ratings: rated(now()?.ratings, scale, one.id, value) });
  }

  function options(): { outcome: Outcome; one?: Candidate; title: string }[] {
    const better = candidates.map((one) => ({
      outcome: "CHOSEN" as const,
      one,
      title: t("tool.dialogue.better", { name: one.letter }),
    }));
    const tie = { outcome: "TIE" as const, title: t("tool.dialogue.tie") };
    const bad = { outcome: "BOTH_BAD" as const, title: t("tool.dialogue.bothBad") };
    return [...better, ...(schema.ties ? [tie] : []), bad];
  }

  function asked(): Question[] {
    const said: Question = {
      id: SAID,
      options: options().map(({ outcome, one, title }, place) => ({
        key: String(place + 1),
        title,
        run: () => choose(outcome, one),
      })),
      answered: now()?.outcome !== undefined,
      goesOn: false,
    };
    const ratings = candidates.flatMap((one) =>
      (schema.scales ?? []).map((scale) =>
        ratingQuestion(
          `${one.id}/${scale.name}`,
          scale,
          `${one.letter} ${scale.name}`,
          ratingOf(now()?.ratings, scale.name, one.id),
          (value) => rate(one, scale.name, value),
        ),
      ),
    );
    return [said, ...ratings];
  }

  function draw(): void {
    const { outcome, chosen, strength: given } = now() ?? {};
    const { editable } = core;
    for (const { candidate, element: card, rows } of cards.cards) {
      const best = outcome === "CHOSEN" && chosen === candidate.id;
      card.classList.toggle("best", best);
      card.classList.toggle("worse", outcome === "BOTH_BAD");
      for (const { scale, row } of rows) {
        const value = ratingOf(now()?.ratings, scale, candidate.id);
        row.draw(value, questions.active === `${candidate.id}/${scale}`, editable);
      }
    }
    outcomes.classList.toggle(
      "asked",
      questions.active === SAID && (schema.scales ?? []).length > 0,
    );
    outcomes.replaceChildren(
      ...options().map(({ outcome: said, one, title }, place) => {
        const on = outcome === said && (!one || chosen === one.id);
        const choice = button(title, () => choose(said, one), {
          class: "tool-button tool-grow",
          role: "radio",
        });
        choice.setAttribute("aria-checked", String(on));
        choice.disabled = !editable;
        choice.append(kbd(String(place + 1))!);
        return choice;
      }),
    );
    strengths.forEach((one, place) => {
      one.disabled = !editable || outcome !== "CHOSEN";
      one.setAttribute("aria-checked", String(given === place + 1));
    });
    say(reason, now()?.reason ?? "");
    reason.readOnly = !editable;
  }

  function faults(): Fault[] {
    const field = "preference";
    const open = isOpen(now(), ids(), Boolean(schema.ties));
    const subjects = candidates.map((one) => ({ id: one.id, title: one.letter }));
    return [
      ...(open ? [{ field: `${field}.outcome`, message: t("tool.fault.prefer") }] : []),
      ...ratingFaults(now()?.ratings ?? [], schema, subjects, `${field}.ratings`, t),
    ];
  }

  function outcomeWords({ outcome, chosen }: Preference): string {
    if (outcome === "TIE") return t("tool.dialogue.tie");
    if (outcome === "BOTH_BAD") return t("tool.dialogue.bothBad");
    const letter = candidates.find((one) => one.id === chosen)?.letter ?? "?";
    return t("tool.dialogue.better", { name: letter });
  }

  function facts(value: Value): Map<string, string> {
    const found = new Map<string, string>();
    const { preference } = value;
    if (!preference) return found;
    const { strength: given, ratings, reason: why } = preference;
    found.set("", outcomeWords(preference));
    if (given) found.set(t("tool.dialogue.strength"), words[given - 1] ?? String(given));
    for (const one of candidates) {
      for (const { name } of schema.scales ?? []) {
        const rating = ratingOf(ratings, name, one.id);
        if (rating !== undefined) found.set(`${one.letter} ${name}`, String(rating));
      }
    }
    if (why) found.set(t("tool.write.reason"), why);
    return found;
  }

  return {
    element,
    load: (task: ToolTask) => {
      schema = task.schema;
      candidates = candidatesOf(task);
      return cards.show(candidates, schema);
    },
    draw,
    value: () => ({ preference: (now() ?? {}) as Preference }),
    faults,
    questions: asked,
    commands: () =>
      words.map((word, place) => ({
        id: `strength:${place + 1}`,
        title: `${t("tool.dialogue.strength")} ${word}`,
        keys: [`Shift+${place + 1}`],
        run: () => strengthen(place + 1),
        enabled: () => core.editable && now()?.outcome === "CHOSEN",
      })),
    facts,
  };
}
