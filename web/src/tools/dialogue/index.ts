/** What large models are taught with: preferences, rankings, ratings, conversations. */
import "../common/tool.css";
import "./dialogue.css";
import "./words";
import type { Value } from "@/desk/value";
import { Core } from "../common/core";
import { button, h, takeCaret } from "../common/dom";
import { ItemView, prefetchMedia } from "../common/item";
import type { Command, Mode, Tool, ToolContext, ToolInstance, ToolTask } from "../contract";
import { type Board, Questions } from "./board";
import { conversationBoard } from "./conversation";
import { preferenceBoard } from "./preference";
import { rankingBoard } from "./ranking";
import { ratingsBoard } from "./rate";
import { begun, promptFieldOf } from "./turns";

type Make = (context: ToolContext, core: Core<Value>, questions: Questions) => Board;

const BOARDS: Record<string, Make> = {
  conversation: conversationBoard,
  preference: preferenceBoard,
  ranking: rankingBoard,
  ratings: ratingsBoard,
};

function mount(element: HTMLElement, context: ToolContext): ToolInstance {
  const { t } = context;
  const core = new Core<Value>({}, draw);
  const questions = new Questions(() => core.selected.emit());
  let shape = "";
  let board: Board | undefined;
  let answers: readonly { label: string; value: Value }[] = [];
  let under = false;
  /** Is what is said so far a model's? */
  let suggested = false;

  let prompted: string | undefined;

  /** What the board shows itself: candidates, and what a conversation begins with. */
  const own = (field: { name: string; type: string }) =>
    field.type === "candidates" || field.name === prompted;
  const item = new ItemView(context, { skip: own });
  const asked = h("div", { class: "dialogue-item" }, item.element);
  const layout = button("", turn, { class: "tool-button quiet dialogue-layout" });
  const others = h("div", {
    class: "tool-compare",
    hidden: true,
    "aria-label": t("answers.title"),
  });
  const root = h("div", { class: "tool dialogue" }, asked, layout, others);
  element.append(root);
  core.selected.on(draw);

  function turn(): void {
    under = !under;
    core.selected.emit();
  }

  function draw(): void {
    root.classList.toggle("under", under);
    root.classList.toggle("suggested", suggested && !core.shared().canUndo());
    layout.textContent = t(under ? "dialogue.beside" : "dialogue.under");
    board?.draw();
    others.hidden = answers.length === 0;
    if (board) others.replaceChildren(...answers.map((one) => row(one, board!.facts(core.state))));
  }

  /** What another says, with what the stage says where it differs. */
  function row(
    { label, value }: { label: string; value: Value },
    mine: Map<string, string>,
  ): HTMLElement {
    const theirs = board!.facts(value);
    const parts: HTMLElement[] = [];
    for (const name of new Set([...theirs.keys(), ...mine.keys()])) {
      const [one, own] = [theirs.get(name), mine.get(name)];
      const title = name === "" ? "" : `${name}: `;
      if (one === own) continue;
      if (one !== undefined)
        parts.push(
          h("ins", { class: "tool-added", title: t("answers.onlyTheirs"), text: `${title}${one}` }),
        );
      if (own !== undefined)
        parts.push(
          h("del", { class: "tool-gone", title: t("answers.onlyMine"), text: `${title}${own}` }),
        );
    }
    const main = theirs.get("");
    const said = main !== undefined && main === mine.get("") && h("span", { text: main });
    const same = parts.length === 0 && h("span", { class: "tool-same", text: t("answers.same") });
    return h(
      "div",
      { class: "tool-compare-row" },
      h("span", { class: "tool-compare-who", text: label }),
      said,
      ...parts,
      same,
    );
  }

  function boardOf(wanted: string): Board {
    if (board && shape === wanted) return board;
    board?.element.remove();
    shape = wanted;
    board = (BOARDS[wanted] ?? ratingsBoard)(context, core, questions);
    root.dataset.shape = wanted;
    others.before(board.element);
    return board;
  }

  async function load(task: ToolTask, value: Value | undefined, mode: Mode): Promise<void> {
    const now = boardOf(task.schema.shape);
    answers = [];
    questions.active = "";
    suggested = mode === "edit" && value === undefined && task.prediction !== undefined;
    core.load(beginning(task, value, mode), mode);
    prompted = shape === "conversation" ? promptFieldOf(task)?.name : undefined;
    const more = task.fields.some((field) => field.name in task.data && !own(field));
    asked.hidden = !more;
    const waits = now.load(task, value, mode);
    const candidates = task.fields.some(({ type }) => type === "candidates");
    layout.hidden = shape !== "conversation" && !candidates;
    questions.active = now.questions()[0]?.id ?? "";
    core.selected.emit();
    takeCaret(now.field?.(), root);
    await Promise.all([waits, more ? item.show(task) : undefined]);
  }

  function beginning(task: ToolTask, value: Value | undefined, mode: Mode): Value {
    if (shape === "conversation") return { conversation: { turns: begun(task, value, mode) } };
    if (value) return value;
    return mode === "edit" ? (task.prediction?.value ?? {}) : {};
  }

  function commands(): Command[] {
    if (!board) return [];
    const now = board;
    return [
      ...questions.commands(
        () => now.questions(),
        () => core.editable,
      ),
      ...now.commands(),
      {
        id: "layout",
        title: "dialogue.layout",
        keys: ["W"],
        icon: "columns",
        run: turn,
        active: () => under,
      },
      {
        id: "leave",
        title: "dialogue.leave",
        keys: ["Escape"],
        run: () => (document.activeElement as HTMLElement | null)?.blur(),
      },
      ...item.commands(),
      ...core.commands(),
    ];
  }

  return {
    ...core.shared(),
    load,
    value: () => board?.value() ?? {},
    commands,
    faults: () => board?.faults() ?? [],
    compare: (values) => {
      answers = values;
      draw();
    },
    destroy: () => {
      item.destroy();
      root.remove();
    },
  };
}

/** Pictures of candidates are files of the item like any other. */
export const tool: Tool = { mount, prefetch: prefetchMedia };
