/** A conversation: answers to be written, or replies to be compared, turn by turn. */
import type { LabelSchema } from "@/desk/schema";
import type { Reply, Turn, Value } from "@/desk/value";
import type { Core } from "../common/core";
import { button, h, onTyped, say } from "../common/dom";
import { messageOf } from "../common/item";
import type { Command, ToolContext, ToolTask } from "../contract";
import type { Board, Question, Questions } from "./board";
import { letterOf, shuffled } from "./candidates";
import { conversationFaults } from "./conversationFaults";
import { rated, ratingOf, ratingQuestion } from "./ratings";
import { type ReplyCard, replyCard } from "./replies";
import { ranksOfReplies, withReplyRank } from "./replyRanks";
import {
  cutAt,
  isWritten,
  nameOf,
  promptOf,
  withNewReply,
  withNewTurn,
  withoutReply,
  withReply,
  withTurn,
} from "./turns";

interface Shown {
  place: number;
  cards: { name: string; letter: string; card: ReplyCard }[];
  field?: HTMLTextAreaElement;
}

export function conversationBoard(
  context: ToolContext,
  core: Core<Value>,
  questions: Questions,
): Board {
  const { t } = context;
  let schema: LabelSchema = { shape: "conversation" };
  let prompt: Turn[] = [];
  let seed = "";
  let drawn = "";
  let shown: Shown[] = [];

  const list = h("div", { class: "turns", tabindex: 0, role: "log" });
  list.setAttribute("aria-label", t("dialogue.conversation"));
  const add = button(t("tool.dialogue.addTurn"), () => structure(withNewTurn(turns())), {
    class: "tool-button",
  });
  const another = button(
    t("tool.dialogue.addReply"),
    () => structure(withNewReply(turns(), turns().length - 1)),
    { class: "tool-button" },
  );
  const foot = h(
    "footer",
    { class: "board-foot turns-foot" },
    h("div", { class: "board-row" }, another, add),
  );
  const element = h("div", { class: "board" }, list, foot);

  const turns = (): readonly Turn[] => core.state.conversation?.turns ?? [];
  const keep = (next: Turn[]) => core.change({ conversation: { turns: next } });

  /** A change of what stands on the page: the field that is new gets the caret. */
  function structure(next: Turn[]): void {
    keep(next);
    const fields = [...list.querySelectorAll<HTMLTextAreaElement>("textarea")];
    const empty = fields.find((one) => one.value === "");
    empty?.focus();
    empty?.scrollIntoView?.({ block: "nearest" });
  }

  /** Replies in an order of chance; those that were written stand last, as they came. */
  function inOrder(place: number): { reply: Reply; name: string; letter: string }[] {
    const named = (turns()[place]?.replies ?? []).map((reply, at) => ({
      reply,
      name: nameOf(reply, at),
    }));
    const given = shuffled(
      named.filter((one) => !isWritten(one.reply)),
      `${seed}/${place}`,
    );
    return [...given, ...named.filter((one) => isWritten(one.reply))].map((one, at) => ({
      ...one,
      letter: letterOf(at),
    }));
  }

  function rank(place: number, name: string, value: number): void {
    questions.take(`${place}/${name}/rank`);
    const replies = withReplyRank(turns()[place]?.replies ?? [], name, value, Boolean(schema.ties));
    keep(withTurn(turns(), place, { replies }));
  }

  function rate(place: number, name: string, scale: string, value: number): void {
    questions.take(`${place}/${name}/${scale}`);
    const reply = (turns()[place]?.replies ?? []).find((one, at) => nameOf(one, at) === name);
    keep(
      withReply(turns(), place, name, { ratings: rated(reply?.ratings, scale, undefined, value) }),
    );
  }

  function signature(): string {
    const parts = turns().map((turn, place) => {
      const replies = (turn.replies ?? []).map(
        (reply, at) => `${nameOf(reply, at)}${isWritten(reply) ? "" : reply.content}`,
      );
      return [turn.role, place < prompt.length ? turn.content : "", ...replies].join("\u0001");
    });
    return [seed, String(core.editable), ...parts].join("\u0002");
  }

  function build(): void {
    const kept = list.scrollTop;
    shown = turns().map((turn, place) => buildTurn(turn, place));
    list.replaceChildren(...shown.map((one) => elements.get(one)!));
    list.scrollTop = kept;
  }

  const elements = new WeakMap<Shown, HTMLElement>();

  function buildTurn(turn: Turn, place: number): Shown {
    const own = place >= prompt.length;
    if (turn.replies?.length) return buildReplies(place, own);
    if (!own || !core.editable) {
      const one: Shown = { place, cards: [] };
      elements.set(one, messageOf(turn, context));
      return one;
    }
    const label = t(turn.role === "user" ? "tool.dialogue.yourTurn" : "tool.dialogue.yourReply");
    const field = h("textarea", {
      class: "tool-input turn-field",
      placeholder: label,
      dir: "auto",
    });
    field.setAttribute("aria-label", label);
    onTyped(field, (text) =>
      core.type(`turn:${place}`, {
        conversation: { turns: withTurn(turns(), place, { content: text }) },
      }),
    );
    const remove = place > prompt.length && turn.role === "user" && removal(place);
    const head = h("header", {
      class: "message-role",
      text: t(`tool.dialogue.roles.${turn.role}`),
    });
    const one: Shown = { place, cards: [], field };
    elements.set(
      one,
      h(
        "article",
        { class: `message written ${turn.role}` },
        h("div", { class: "tool-row" }, head, h("span", { class: "tool-grow" }), remove),
        field,
      ),
    );
    return one;
  }

  function removal(place: number): HTMLElement {
    return button("✕", () => keep(cutAt(turns(), place)), {
      class: "tool-button quiet",
      title: t("tool.dialogue.removeTurn"),
      "aria-label": t("tool.dialogue.removeTurn"),
    });
  }

  function buildReplies(place: number, own: boolean): Shown {
    const order = inOrder(place);
    const cards = order.map(({ reply, name, letter }) => ({
      name,
      letter,
      card: replyCard(context, {
        reply,
        letter,
        count: order.length,
        scales: schema.scales ?? [],
        editable: core.editable && isWritten(reply),
        rank: (value) => rank(place, name, value),
        rate: (scale, value) => rate(place, name, scale, value),
        write: (text) =>
          core.type(`reply:${place}/${name}`, {
            conversation: { turns: withReply(turns(), place, name, { content: text }) },
          }),
        remove: () => structure(withoutReply(turns(), place, name)),
      }),
    }));
    const one: Shown = { place, cards };
    const grid = h(
      "div",
      { class: "cards-grid replies", style: `--cards:${cards.length}` },
      ...cards.map((card) => card.card.element),
    );
    const said = h("p", { class: "tool-quiet", text: t("tool.dialogue.goOn") });
    elements.set(one, h("section", { class: "turn-replies" }, grid, own && said));
    return one;
  }

  function draw(): void {
    const now = signature();
    if (now !== drawn) {
      drawn = now;
      build();
    }
    for (const { place, cards, field } of shown) {
      const turn = turns()[place];
      if (field) say(field, turn?.content ?? "");
      const ranks = ranksOfReplies(turn?.replies ?? []);
      for (const { name, card } of cards) {
        const reply = (turn?.replies ?? []).find((one, at) => nameOf(one, at) === name);
        if (reply)
          card.draw(reply, {
            rank: ranks[name],
            at: `${place}/${name}`,
            active: questions.active,
            editable: core.editable,
          });
      }
    }
    const last = turns().at(-1);
    another.hidden = add.hidden = !core.editable;
    foot.hidden = !core.editable;
    another.disabled = last?.role !== "assistant" || turns().length <= prompt.length;
    const most = schema.max_objects ?? 0;
    add.disabled = most > 0 && turns().length + 2 > most;
  }

  function asked(): Question[] {
    return turns().flatMap((turn, place) => {
      const order = inOrder(place);
      const ranks = ranksOfReplies(turn.replies ?? []);
      return order.flatMap(({ reply, name, letter }) => {
        const ranked: Question = {
          id: `${place}/${name}/rank`,
          options: order.slice(0, 9).map((_, at) => ({
            key: String(at + 1),
            title: `${letter} · ${t("tool.dialogue.rank", { rank: at + 1 })}`,
            run: () => rank(place, name, at + 1),
          })),
          answered: ranks[name] !== undefined,
          goesOn: true,
        };
        const ratings = (schema.scales ?? []).map((scale) =>
          ratingQuestion(
            `${place}/${name}/${scale.name}`,
            scale,
            `${letter} ${scale.name}`,
            ratingOf(reply.ratings, scale.name, undefined),
            (value) => rate(place, name, scale.name, value),
          ),
        );
        return order.length > 1 ? [ranked, ...ratings] : ratings;
      });
    });
  }

  function commands(): Command[] {
    const can = () => core.editable;
    return [
      {
        id: "addTurn",
        title: "tool.dialogue.addTurn",
        keys: ["+"],
        run: () => add.click(),
        enabled: can,
      },
      {
        id: "addReply",
        title: "tool.dialogue.addReply",
        keys: ["="],
        run: () => another.click(),
        enabled: () => can() && !another.disabled,
      },
    ];
  }

  function facts(value: Value): Map<string, string> {
    const found = new Map<string, string>();
    (value.conversation?.turns ?? []).forEach((turn, place) => {
      const number = `${place + 1}`;
      const mine = inOrder(place);
      (turn.replies ?? []).forEach((reply, at) => {
        const name = nameOf(reply, at);
        const letter = mine.find((one) => one.name === name)?.letter ?? t("dialogue.written");
        const said = reply.rank
          ? t("tool.dialogue.rank", { rank: reply.rank })
          : t("tool.dialogue.unranked");
        found.set(`${number}. ${letter}`, said);
        for (const one of reply.ratings ?? [])
          found.set(`${number}. ${letter} ${one.scale}`, String(one.value ?? 0));
      });
      if (place >= prompt.length && !turn.replies?.length) {
        found.set(`${number}. ${t(`tool.dialogue.roles.${turn.role}`)}`, turn.content ?? "");
      }
    });
    return found;
  }

  return {
    element,
    load: (task: ToolTask) => {
      schema = task.schema;
      prompt = promptOf(task);
      seed = task.id;
      drawn = "";
      list.scrollTop = 0;
    },
    draw,
    value: () => ({ conversation: { turns: [...turns()] } }),
    faults: () => conversationFaults(turns(), prompt, schema, t),
    questions: asked,
    commands,
    facts,
    field: () => (core.editable ? shown.find((one) => one.field)?.field : undefined),
  };
}
