/** An order of candidates, best first: by dragging letters, by clicks or by keys. */
import type { LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";
import type { Core } from "../common/core";
import { button, h, kbd } from "../common/dom";
import type { Command, Fault, ToolContext, ToolTask } from "../contract";
import type { Board, Question, Questions } from "./board";
import { type Candidate, candidatesOf } from "./candidates";
import { Cards } from "./cards";
import { groupsOf, moved, type Ranks, ranksOf, tied, withRank } from "./ranks";

/** What dragged letters are carried as. */
const CARRIED = "text/x-candidate";

export function rankingBoard(context: ToolContext, core: Core<Value>, questions: Questions): Board {
  const { t } = context;
  let schema: LabelSchema = { shape: "ranking" };
  let candidates: Candidate[] = [];
  let order: string[] = [];
  /** Ranks with their gaps, of the groups they make. */
  let gapped: { groups: unknown; ranks: Ranks } = { groups: undefined, ranks: {} };

  const cards = new Cards({
    context,
    pick: (one) => questions.take(one.id),
    rate: () => {},
  });
  const places = h("div", { class: "rank-places" });
  const element = h(
    "div",
    { class: "board" },
    cards.element,
    h("footer", { class: "board-foot" }, places),
  );

  const groups = () => core.state.ranking?.groups;
  const bad = () => core.state.ranking?.unacceptable ?? [];

  function ranks(): Ranks {
    if (gapped.groups !== groups()) gapped = { groups: groups(), ranks: ranksOf(groups()) };
    return gapped.ranks;
  }

  function keep(next: Ranks): void {
    if (next === ranks() || !core.editable) return;
    const made = groupsOf(next, order);
    gapped = { groups: made, ranks: next };
    const unacceptable = bad();
    core.change({
      ranking: { groups: made, ...(unacceptable.length > 0 ? { unacceptable } : {}) },
    });
  }

  function rank(id: string, place: number): void {
    questions.take(id);
    keep(withRank(ranks(), id, place, Boolean(schema.ties)));
  }

  function refuse(id: string): void {
    questions.take(id);
    const now = bad();
    const unacceptable = now.includes(id) ? now.filter((one) => one !== id) : [...now, id];
    const made = groups() ?? [];
    core.change({
      ranking: { groups: made, ...(unacceptable.length > 0 ? { unacceptable } : {}) },
    });
  }

  function asked(): Question[] {
    return candidates.map((one) => ({
      id: one.id,
      options: candidates.slice(0, 10).map((_, place) => ({
        key: String((place + 1) % 10),
        title: `${one.letter} · ${t("tool.dialogue.rank", { rank: place + 1 })}`,
        run: () => rank(one.id, place + 1),
      })),
      answered: ranks()[one.id] !== undefined,
      goesOn: true,
    }));
  }

  function chip(one: Candidate): HTMLElement {
    const known = button(one.letter, () => questions.take(one.id), {
      class: `tool-button rank-chip${bad().includes(one.id) ? " refused" : ""}`,
      draggable: core.editable ? "true" : "false",
      title: cards.nameOf(one),
      on: { dragstart: (event) => event.dataTransfer?.setData(CARRIED, one.id) },
    });
    // A button that keeps the focus elsewhere cannot be dragged.
    known.addEventListener("mousedown", (event) => event.stopImmediatePropagation(), true);
    return known;
  }

  function place(title: string, chips: HTMLElement[], drop: (id: string) => void): HTMLElement {
    const box = h(
      "div",
      { class: "rank-place" },
      h("span", { class: "tool-quiet", text: title }),
      h("span", { class: "tool-chips" }, ...chips),
    );
    box.addEventListener("dragover", (event) => {
      event.preventDefault();
      box.classList.add("over");
    });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      const id = event.dataTransfer?.getData(CARRIED);
      if (id && candidates.some((one) => one.id === id)) drop(id);
    });
    return box;
  }

  function unrank(id: string): void {
    const { [id]: _gone, ...left } = ranks();
    keep(left);
  }

  function draw(): void {
    const now = ranks();
    for (const { candidate, element: card, head, foot } of cards.cards) {
      const own = now[candidate.id];
      card.classList.toggle("asked", questions.active === candidate.id);
      card.classList.toggle("worse", bad().includes(candidate.id));
      const said = own ? t("tool.dialogue.rank", { rank: own }) : t("tool.dialogue.unranked");
      head.replaceChildren(
        head.firstElementChild!,
        h("span", { class: own ? "rank-said" : "tool-quiet", text: said }),
      );
      foot.replaceChildren(rankButtons(candidate, own), refuseButton(candidate));
    }
    const open = candidates.filter((one) => now[one.id] === undefined);
    places.replaceChildren(
      ...candidates.map((_, index) =>
        place(
          t("tool.dialogue.rank", { rank: index + 1 }),
          candidates.filter((one) => now[one.id] === index + 1).map(chip),
          (id) => rank(id, index + 1),
        ),
      ),
      place(t("tool.dialogue.unranked"), open.map(chip), unrank),
    );
  }

  function rankButtons(one: Candidate, own: number | undefined): HTMLElement {
    const group = h("span", { class: "rating-steps", role: "radiogroup" });
    group.setAttribute("aria-label", cards.nameOf(one));
    candidates.forEach((_, index) => {
      const step = button(String(index + 1), () => rank(one.id, index + 1), {
        class: "tool-button rating-step num",
        role: "radio",
        "aria-checked": String(own === index + 1),
        "aria-label": t("tool.dialogue.rank", { rank: index + 1 }),
      });
      step.disabled = !core.editable;
      group.append(step);
    });
    return group;
  }

  function refuseButton(one: Candidate): HTMLElement {
    const refused = button(t("tool.dialogue.unacceptable"), () => refuse(one.id), {
      class: "tool-button quiet",
      "aria-pressed": String(bad().includes(one.id)),
    });
    refused.disabled = !core.editable;
    refused.append(kbd("U")!);
    return refused;
  }

  function commands(): Command[] {
    const { active } = questions;
    const can = () => core.editable && candidates.some((one) => one.id === active);
    const ties = Boolean(schema.ties);
    const step = (by: number) => () => keep(moved(ranks(), active, by, candidates.length, ties));
    return [
      { id: "up", title: "tool.dialogue.up", keys: ["ArrowUp"], run: step(-1), enabled: can },
      { id: "down", title: "tool.dialogue.down", keys: ["ArrowDown"], run: step(1), enabled: can },
      {
        id: "tie",
        title: "tool.dialogue.tieUp",
        keys: ["T"],
        run: () => keep(tied(ranks(), active)),
        enabled: () => can() && ties,
      },
      {
        id: "refuse",
        title: "tool.dialogue.unacceptable",
        keys: ["U"],
        run: () => refuse(active),
        enabled: can,
      },
    ];
  }

  function faults(): Fault[] {
    const field = "ranking.groups";
    const ids = (groups() ?? []).flatMap((group) => group.ids);
    const all = candidates.map((one) => one.id);
    const left = all.some((id) => !ids.includes(id) && !bad().includes(id));
    const wrong =
      ids.length !== new Set(ids).size || [...ids, ...bad()].some((id) => !all.includes(id));
    const ties = !schema.ties && (groups() ?? []).some((group) => group.ids.length > 1);
    return left || wrong || ties ? [{ field, message: t("tool.fault.rankAll") }] : [];
  }

  function facts(value: Value): Map<string, string> {
    const given = ranksOf(value.ranking?.groups);
    return new Map(
      candidates.map((one) => {
        const own = given[one.id];
        const said = own ? t("tool.dialogue.rank", { rank: own }) : t("tool.dialogue.unranked");
        const refused = value.ranking?.unacceptable?.includes(one.id);
        return [one.letter, refused ? `${said}, ${t("tool.dialogue.unacceptable")}` : said];
      }),
    );
  }

  return {
    element,
    load: (task: ToolTask) => {
      schema = task.schema;
      candidates = candidatesOf(task);
      const offered = candidates.map((one) => one.id).sort();
      order = [
        ...(groups() ?? []).flatMap((one) => one.ids),
        ...offered.filter((id) => !ranks()[id]),
      ];
      return cards.show(candidates, { shape: "ranking" });
    },
    draw,
    value: () => ({ ranking: core.state.ranking ?? { groups: [] } }),
    faults,
    questions: asked,
    commands,
    facts,
  };
}
