/** One class, or several, for an item that is shown large beside them. */
import "../common/tool.css";
import "./choices.css";
import { classesOf, type LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";
import { classKeys } from "../common/classkeys";
import { ClassList } from "../common/classlist";
import { Core } from "../common/core";
import { h } from "../common/dom";
import { ItemView, prefetchMedia } from "../common/item";
import { classFaults, countFaults } from "../common/rules";
import type { Command, Fault, Mode, Tool, ToolContext, ToolInstance, ToolTask } from "../contract";
import { drawAnswers } from "./answers";

interface State {
  classes: readonly string[];
  /** Still what a model suggested, and nobody has said yes to it. */
  suggested: boolean;
}

interface Answer {
  label: string;
  classes: readonly string[];
}

const NONE: State = { classes: [], suggested: false };

function mount(element: HTMLElement, context: ToolContext): ToolInstance {
  const { t } = context;
  let schema: LabelSchema = { shape: "choice" };
  let task: ToolTask | undefined;
  let answers: readonly Answer[] = [];

  const item = new ItemView(context);
  const core = new Core<State>(NONE, draw);
  const list = new ClassList({
    context,
    label: t("work.labels"),
    look: (name) => {
      const { classes, suggested } = core.state;
      const chosen = classes.includes(name);
      const predicted = task?.prediction?.value.choices?.classes?.includes(name);
      return {
        on: chosen && !suggested,
        suggested: chosen && suggested,
        ...(predicted ? { score: task!.prediction!.score } : {}),
        marks: answers.filter((one) => one.classes.includes(name)).map((one) => one.label),
      };
    },
    pick,
  });
  const others = h("div", { class: "tool-compare", "aria-label": t("answers.title") });
  const side = h("div", { class: "choices-side" }, list.element, others);
  const root = h("div", { class: "tool tool-split choices" }, item.element, side);
  element.append(root);

  function draw(): void {
    list.refresh();
    others.hidden = answers.length === 0;
    drawAnswers(others, core.state.classes, answers, context);
  }

  function single(): boolean {
    return schema.shape === "choice";
  }

  /** Chooses a class; of several, one that is chosen is taken back. */
  function pick(name: string): void {
    const { classes, suggested } = core.state;
    const chosen = classes.includes(name);
    if (single()) {
      if (!chosen || suggested) core.change({ classes: [name], suggested: false });
      return;
    }
    if (suggested && chosen) {
      core.change({ classes, suggested: false });
      return;
    }
    const wanted = new Set(chosen ? classes.filter((one) => one !== name) : [...classes, name]);
    const known = classesOf(schema).map((one) => one.name);
    const strange = [...wanted].filter((one) => !known.includes(one));
    const ordered = [...known.filter((one) => wanted.has(one)), ...strange];
    core.change({ classes: ordered, suggested: false });
  }

  function classCommands(): Command[] {
    const keys = classKeys(classesOf(schema));
    return [...keys].map(([name, key]) => ({
      id: `class:${name}`,
      title: t("tool.choose", { name: context.titleOf(name) }),
      keys: [key],
      run: () => {
        pick(name);
        list.reveal(name);
      },
      enabled: () => core.editable,
      active: () => core.state.classes.includes(name),
    }));
  }

  function commands(): Command[] {
    const suggested = () => core.editable && core.state.suggested;
    return [
      ...classCommands(),
      { id: "search", title: "work.searchLabels", keys: ["/"], run: () => list.focusSearch() },
      {
        id: "accept",
        title: "tool.accept",
        keys: ["A"],
        run: () => core.change({ ...core.state, suggested: false }),
        enabled: suggested,
      },
      {
        id: "reject",
        title: "tool.reject",
        keys: ["X"],
        run: () => core.change(NONE),
        enabled: suggested,
      },
      {
        id: "remove",
        title: "tool.remove",
        keys: ["Backspace", "Delete"],
        run: () => core.change(NONE),
        enabled: () => core.editable && core.state.classes.length > 0,
      },
      ...item.commands(),
      ...core.commands(),
    ];
  }

  function faults(): Fault[] {
    const { classes } = core.state;
    const field = "choices.classes";
    if (single() && classes.length !== 1) return [{ field, message: t("tool.fault.choose") }];
    return [
      ...countFaults(classes.length, schema, field, t),
      ...classFaults(classes, schema, field, t),
    ];
  }

  async function load(next: ToolTask, value: Value | undefined, mode: Mode): Promise<void> {
    if (schema !== next.schema) {
      schema = next.schema;
      list.setClasses(schema, !single());
    }
    task = next;
    answers = [];
    core.load(begun(next, value, mode), mode);
    root.classList.toggle("readonly", !core.editable);
    list.clear();
    const [first] = core.state.classes;
    if (first !== undefined) list.reveal(first);
    draw();
    core.selected.emit();
    await item.show(next);
  }

  return {
    ...core.shared(),
    load,
    value: () => ({ choices: { classes: [...core.state.classes] } }),
    commands,
    faults,
    compare: (values) => {
      answers = values.map((one) => ({
        label: one.label,
        classes: one.value.choices?.classes ?? [],
      }));
      draw();
    },
    destroy: () => {
      item.destroy();
      list.destroy();
      root.remove();
    },
  };
}

/** A draft, or what a model suggests; blind tasks and gold show none. */
function begun(task: ToolTask, value: Value | undefined, mode: Mode): State {
  const predicted = mode === "edit" ? task.prediction?.value.choices?.classes : undefined;
  const given = value?.choices?.classes;
  if (given) return { classes: given, suggested: false };
  return predicted?.length ? { classes: predicted, suggested: true } : NONE;
}

export const tool: Tool = { mount, prefetch: prefetchMedia };
