/** Texts that people write: captions, transcripts, corrections, rewrites, prompts. */
import "../common/tool.css";
import "./writing.css";
import "./words";
import type { Value } from "@/desk/value";
import { Core } from "../common/core";
import { changes, drawParts } from "../common/diff";
import { h, takeCaret } from "../common/dom";
import { prefetchMedia } from "../common/item";
import type { Command, Mode, Tool, ToolContext, ToolInstance, ToolTask } from "../contract";
import type { Board } from "./board";
import { textBoard } from "./plainText";
import { promptBoard } from "./promptBoard";
import { rewriteBoard } from "./rewriting";

const BOARDS = { text: textBoard, rewrite: rewriteBoard, prompt: promptBoard };
type Shape = keyof typeof BOARDS;

function mount(element: HTMLElement, context: ToolContext): ToolInstance {
  const { t } = context;
  const core = new Core<Value>({}, draw);
  let shape: Shape | undefined;
  let board: Board | undefined;
  let answers: readonly { label: string; value: Value }[] = [];

  const others = h("div", {
    class: "tool-compare",
    hidden: true,
    "aria-label": t("answers.title"),
  });
  const root = h("div", { class: "tool writing" }, others);
  element.append(root);

  function draw(): void {
    if (!board) return;
    board.draw();
    others.hidden = answers.length === 0;
    const now = board;
    others.replaceChildren(...answers.map(({ label, value }) => row(now, label, value)));
  }

  /** How another's differs from what is on the stage. */
  function row(now: Board, label: string, value: Value): HTMLElement {
    const [mine, theirs] = [now.text(core.state), now.text(value)];
    const facts = { mine: now.facts(core.state), theirs: now.facts(value) };
    const parts = changes(mine, theirs) ?? [{ text: theirs, kind: "new" as const }];
    const added = facts.theirs.filter((one) => !facts.mine.includes(one));
    const gone = facts.mine.filter((one) => !facts.theirs.includes(one));
    const same = mine === theirs && added.length + gone.length === 0;
    return h(
      "div",
      { class: "tool-compare-row" },
      h("span", { class: "tool-compare-who", text: label }),
      same
        ? h("span", { class: "tool-same", text: t("answers.same") })
        : h("span", { class: "write-diff tool-grow", dir: "auto" }, ...drawParts(parts)),
      ...added.map((one) =>
        h("ins", { class: "tool-added", title: t("answers.onlyTheirs"), text: `+ ${one}` }),
      ),
      ...gone.map((one) =>
        h("del", { class: "tool-gone", title: t("answers.onlyMine"), text: one }),
      ),
    );
  }

  function boardOf(wanted: string): Board {
    const known: Shape = wanted in BOARDS ? (wanted as Shape) : "text";
    if (board && shape === known) return board;
    board?.destroy();
    board?.element.remove();
    shape = known;
    board = BOARDS[known](context, core);
    others.before(board.element);
    return board;
  }

  async function load(task: ToolTask, value: Value | undefined, mode: Mode): Promise<void> {
    const now = boardOf(task.schema.shape);
    answers = [];
    const suggested = mode === "edit" ? task.prediction?.value : undefined;
    core.load(value ?? suggested ?? now.beginning(task), mode);
    const waits = now.load(task, mode);
    draw();
    core.selected.emit();
    if (core.editable && mode !== "review") takeCaret(now.field, root);
    await waits;
  }

  function commands(): Command[] {
    if (!board) return [];
    const { field } = board;
    const leave = () => (document.activeElement as HTMLElement | null)?.blur();
    return [
      ...board.commands(),
      { id: "focus", title: "writing.focus", keys: ["E"], run: () => field.focus() },
      { id: "leave", title: "writing.leave", keys: ["Escape"], run: leave },
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
      board?.destroy();
      root.remove();
    },
  };
}

export const tool: Tool = { mount, prefetch: prefetchMedia };
