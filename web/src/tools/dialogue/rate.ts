/** Ratings of an item, or of each of its candidates, by the template's scales. */
import type { LabelSchema, Scale } from "@/desk/schema";
import type { Value } from "@/desk/value";
import type { Core } from "../common/core";
import { h } from "../common/dom";
import { ratingFaults } from "../common/rules";
import type { ToolContext, ToolTask } from "../contract";
import type { Board, Question, Questions } from "./board";
import { type Candidate, candidatesOf } from "./candidates";
import { Cards } from "./cards";
import { type RatingRow, rated, ratingOf, ratingQuestion, ratingRow } from "./ratings";

export function ratingsBoard(context: ToolContext, core: Core<Value>, questions: Questions): Board {
  const { t } = context;
  let schema: LabelSchema = { shape: "ratings" };
  let candidates: Candidate[] = [];
  let rows: { scale: string; row: RatingRow }[] = [];

  const cards = new Cards({
    context,
    pick: () => {},
    rate: (one, scale, value) => rate(one.id, scale, value),
  });
  const whole = h("footer", { class: "board-foot rating-whole" });
  const element = h("div", { class: "board" }, cards.element, whole);

  const said = () => core.state.ratings?.ratings;
  const scales = (): readonly Scale[] => schema.scales ?? [];
  const subjects = () =>
    candidates.length > 0
      ? candidates.map((one) => ({ id: one.id, title: one.letter }))
      : [{ id: "", title: "" }];

  function rate(subject: string, scale: string, value: number): void {
    questions.take(`${subject}/${scale}`);
    core.change({ ratings: { ratings: rated(said(), scale, subject, value) } });
  }

  function asked(): Question[] {
    return subjects().flatMap(({ id, title }) =>
      scales().map((scale) =>
        ratingQuestion(
          `${id}/${scale.name}`,
          scale,
          `${title} ${scale.name}`.trim(),
          ratingOf(said(), scale.name, id),
          (value) => rate(id, scale.name, value),
        ),
      ),
    );
  }

  function draw(): void {
    const show = (row: RatingRow, scale: string, id: string) =>
      row.draw(ratingOf(said(), scale, id), questions.active === `${id}/${scale}`, core.editable);
    for (const { candidate, rows: own } of cards.cards) {
      for (const { scale, row } of own) show(row, scale, candidate.id);
    }
    for (const { scale, row } of rows) show(row, scale, "");
  }

  return {
    element,
    load: (task: ToolTask) => {
      schema = task.schema;
      candidates = candidatesOf(task);
      const alone = candidates.length === 0;
      element.classList.toggle("alone", alone);
      cards.element.hidden = alone;
      whole.hidden = !alone;
      rows = alone
        ? scales().map((scale) => ({
            scale: scale.name,
            row: ratingRow(scale, scale.name, (value) => rate("", scale.name, value)),
          }))
        : [];
      whole.replaceChildren(...rows.map((one) => one.row.element));
      return cards.show(candidates, schema);
    },
    draw,
    value: () => ({ ratings: { ratings: [...(said() ?? [])] } }),
    faults: () => ratingFaults(said() ?? [], schema, subjects(), "ratings.ratings", t),
    questions: asked,
    commands: () => [],
    facts: (value) => {
      const found = new Map<string, string>();
      for (const { id, title } of subjects()) {
        for (const { name } of scales()) {
          const rating = ratingOf(value.ratings?.ratings, name, id);
          if (rating !== undefined) found.set(`${title} ${name}`.trim(), String(rating));
        }
      }
      return found;
    },
  };
}
