/** One of the replies that are compared: to read, or to write; with its rank and ratings. */
import type { Scale } from "@/desk/schema";
import type { Reply } from "@/desk/value";
import { button, h, onTyped, say } from "../common/dom";
import { prose } from "../common/item";
import type { ToolContext } from "../contract";
import { ratingOf, ratingRow } from "./ratings";

export interface ReplyOptions {
  reply: Reply;
  letter: string;
  count: number;
  scales: readonly Scale[];
  editable: boolean;
  rank(value: number): void;
  rate(scale: string, value: number): void;
  write(text: string): void;
  remove(): void;
}

export interface ReplyCard {
  element: HTMLElement;
  /** `at` begins the names of its questions. */
  draw(
    reply: Reply,
    now: { rank: number | undefined; at: string; active: string; editable: boolean },
  ): void;
}

export function replyCard(context: ToolContext, options: ReplyOptions): ReplyCard {
  const { t } = context;
  const { letter, count, scales, editable } = options;
  const name = t("tool.dialogue.candidate", { name: letter });
  const field = h("textarea", {
    class: "tool-input turn-field",
    dir: "auto",
    placeholder: t("tool.dialogue.yourReply"),
  });
  field.setAttribute("aria-label", name);
  onTyped(field, options.write);
  const remove = button("✕", options.remove, {
    class: "tool-button quiet",
    title: t("dialogue.removeReply"),
    "aria-label": t("dialogue.removeReply"),
  });
  const said = h("span", { class: "tool-quiet" });
  const head = h(
    "header",
    { class: "card-head" },
    h("span", { class: "card-letter", text: letter }),
    said,
    h("span", { class: "tool-grow" }),
    editable && remove,
  );
  const ranks = Array.from({ length: count }, (_, place) =>
    button(String(place + 1), () => options.rank(place + 1), {
      class: "tool-button rating-step num",
      role: "radio",
      "aria-label": `${name}: ${t("tool.dialogue.rank", { rank: place + 1 })}`,
    }),
  );
  const ranked = h(
    "div",
    { class: "rating", role: "radiogroup", "aria-label": name },
    h("span", { class: "rating-name", text: t("dialogue.rank") }),
    h("span", { class: "rating-steps" }, ...ranks),
  );
  const rows = scales.map((scale) => ({
    scale: scale.name,
    row: ratingRow(scale, `${name}, ${scale.name}`, (value) => options.rate(scale.name, value)),
  }));
  const foot = h(
    "footer",
    { class: "card-foot" },
    count > 1 && ranked,
    ...rows.map((one) => one.row.element),
  );
  const body = h(
    "div",
    { class: "card-body" },
    editable ? field : prose(options.reply.content ?? ""),
  );
  const element = h("article", { class: "cand", "aria-label": name }, head, body, foot);
  return {
    element,
    draw: (reply, now) => {
      if (editable) say(field, reply.content ?? "");
      said.textContent = now.rank || count < 2 ? "" : t("tool.dialogue.unranked");
      element.classList.toggle("best", now.rank === 1);
      ranked.classList.toggle("asked", now.active === `${now.at}/rank`);
      ranks.forEach((one, place) => {
        one.setAttribute("aria-checked", String(now.rank === place + 1));
        one.disabled = !now.editable;
      });
      for (const { scale, row } of rows) {
        const value = ratingOf(reply.ratings, scale, undefined);
        row.draw(value, now.active === `${now.at}/${scale}`, now.editable);
      }
    },
  };
}
