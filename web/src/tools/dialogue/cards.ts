/** The candidates beside or under one another, each with its letter. */
import type { LabelSchema } from "@/desk/schema";
import { button, h } from "../common/dom";
import { prose } from "../common/item";
import { Picture } from "../common/picture";
import type { ToolContext } from "../contract";
import type { Candidate } from "./candidates";
import { type RatingRow, ratingRow } from "./ratings";

export interface Card {
  candidate: Candidate;
  element: HTMLElement;
  head: HTMLElement;
  foot: HTMLElement;
  rows: readonly { scale: string; row: RatingRow }[];
}

export interface CardsOptions {
  context: ToolContext;
  /** A click on the letter. */
  pick(candidate: Candidate): void;
  rate(candidate: Candidate, scale: string, value: number): void;
}

export class Cards {
  readonly element = h("div", { class: "cards-grid" });
  cards: readonly Card[] = [];

  constructor(private readonly options: CardsOptions) {}

  async show(candidates: readonly Candidate[], schema: LabelSchema): Promise<void> {
    const waits: Promise<void>[] = [];
    this.cards = candidates.map((one) => this.#card(one, schema, waits));
    this.element.style.setProperty("--cards", String(Math.max(1, candidates.length)));
    this.element.replaceChildren(...this.cards.map((one) => one.element));
    this.element.scrollTo?.(0, 0);
    await Promise.all(waits);
  }

  nameOf(candidate: Candidate): string {
    const key = candidate.image ? "tool.dialogue.image" : "tool.dialogue.candidate";
    return this.options.context.t(key, { name: candidate.letter });
  }

  #card(candidate: Candidate, schema: LabelSchema, waits: Promise<void>[]): Card {
    const name = this.nameOf(candidate);
    const head = h(
      "header",
      { class: "card-head" },
      button(candidate.letter, () => this.options.pick(candidate), {
        class: "tool-button card-letter",
        "aria-label": name,
      }),
    );
    const rows = (schema.scales ?? []).map((scale) => ({
      scale: scale.name,
      row: ratingRow(scale, `${name}, ${scale.name}`, (value) =>
        this.options.rate(candidate, scale.name, value),
      ),
    }));
    const foot = h("footer", { class: "card-foot" }, ...rows.map((one) => one.row.element));
    const body = h("div", { class: "card-body", tabindex: candidate.image ? undefined : 0 });
    if (candidate.image) {
      const picture = new Picture(this.options.context);
      body.classList.add("pictured");
      body.append(picture.element);
      waits.push(picture.show(candidate.image, name));
    } else body.append(prose(candidate.text ?? ""));
    const element = h("article", { class: "cand", "aria-label": name }, head, body, foot);
    return { candidate, element, head, foot, rows };
  }
}
