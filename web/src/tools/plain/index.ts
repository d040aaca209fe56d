/** The door to shapes that have no tool of their own: a table where rows can hold them, else JSON. */
import "../common/tool.css";
import "./plain.css";
import "./words";
import type { Value } from "@/desk/value";
import { Core } from "../common/core";
import { changes, drawParts } from "../common/diff";
import { button, h } from "../common/dom";
import { ItemView, prefetchMedia } from "../common/item";
import type {
  Command,
  Fault,
  Mode,
  ObjectRow,
  Tool,
  ToolContext,
  ToolInstance,
  ToolTask,
} from "../contract";
import { type Column, columnsOf, freshEntry } from "./columns";
import { faultsOf } from "./faults";
import { JsonView, read, type Written, written } from "./json";
import { type Entry, emptyOf, entriesOf, exampleOf, withEntries } from "./shapes";
import { Table } from "./table";

function mount(element: HTMLElement, context: ToolContext): ToolInstance {
  const { t } = context;
  const core = new Core<Written>(written({}), draw);
  let task: ToolTask | undefined;
  let columns: Column[] | undefined;
  let active: number | undefined;
  let answers: readonly { label: string; value: Value }[] = [];

  const item = new ItemView(context);
  const table = new Table({ context, set, remove, take });
  const add = button(t("plain.add"), append, { class: "tool-button" });
  const rows = h(
    "div",
    { class: "plain-list" },
    table.element,
    h("div", { class: "tool-row plain-foot" }, add),
  );
  const json = new JsonView({
    context,
    typed: (text) => core.type("json", read(text, core.state)),
    example: () => core.change(written(exampleOf(schema()))),
    tidy: () => core.change(written(core.state.value)),
  });
  const others = h("div", {
    class: "tool-compare",
    hidden: true,
    "aria-label": t("answers.title"),
  });
  const main = h("div", { class: "plain-main" }, rows, json.element);
  const root = h(
    "div",
    { class: "tool plain" },
    h("div", { class: "plain-item" }, item.element),
    main,
    others,
  );
  element.append(root);

  const schema = () => task?.schema ?? { shape: "" };
  const entries = () => entriesOf(core.state.value, schema().shape);

  function keep(next: readonly Entry[], typed?: string): void {
    const state = { text: "", value: withEntries(core.state.value, schema().shape, next) };
    if (typed) core.type(typed, state);
    else core.change(state);
  }

  function set(row: number, column: Column, said: string): void {
    const next = entries().map((one, place) => (place === row ? column.set(one, said) : one));
    keep(next, `${row}.${column.id}`);
  }

  function append(): void {
    const at = item.player ? +item.player.time.toFixed(2) : 0;
    keep([...entries(), freshEntry(schema(), entries(), at)]);
    take(entries().length - 1);
    table.reveal(entries().length - 1);
  }

  function remove(row: number): void {
    active = undefined;
    keep(entries().filter((_, place) => place !== row));
  }

  function take(row: number | undefined): void {
    if (active === row) return;
    active = row;
    core.selected.emit();
    draw();
  }

  /** Puts an end of the segment at hand where the player is. */
  function mark(field: "start" | "end"): void {
    const column = columns?.find((one) => one.id === field);
    if (column && active !== undefined && item.player)
      set(active, column, item.player.time.toFixed(2));
  }

  function draw(): void {
    if (!task) return;
    const { value, error } = core.state;
    if (columns) table.draw(entries(), core.editable, active);
    else
      json.draw(
        core.state,
        error ? [] : faults().map((one) => one.message),
        schema(),
        core.editable,
      );
    add.disabled = !core.editable;
    others.hidden = answers.length === 0;
    others.replaceChildren(...answers.map((one) => row(one.label, value, one.value)));
  }

  function row(label: string, mine: Value, theirs: Value): HTMLElement {
    const [one, other] = [JSON.stringify(mine, null, 1), JSON.stringify(theirs, null, 1)];
    const parts = changes(one, other) ?? [{ text: other, kind: "new" as const }];
    return h(
      "div",
      { class: "tool-compare-row" },
      h("span", { class: "tool-compare-who", text: label }),
      one === other
        ? h("span", { class: "tool-same", text: t("answers.same") })
        : h("pre", { class: "plain-diff", tabindex: 0 }, ...drawParts(parts)),
    );
  }

  function faults(): Fault[] {
    const { value, error } = core.state;
    if (error) return [{ field: schema().shape, message: t("tool.plain.invalid", { error }) }];
    return faultsOf(value, schema(), t);
  }

  async function load(next: ToolTask, value: Value | undefined, mode: Mode): Promise<void> {
    const same = task?.schema === next.schema;
    task = next;
    answers = [];
    active = undefined;
    if (!same) {
      columns = columnsOf(next.schema, t);
      if (columns) table.setColumns(columns);
      rows.hidden = columns === undefined;
      json.element.hidden = columns !== undefined;
    }
    const suggested = mode === "edit" ? next.prediction?.value : undefined;
    const start = value ?? suggested ?? emptyOf(next.schema);
    core.load(columns ? { text: "", value: start } : written(start), mode);
    root.classList.toggle("rows", columns !== undefined);
    draw();
    core.selected.emit();
    await item.show(next);
  }

  function commands(): Command[] {
    const can = () => core.editable && columns !== undefined;
    const chosen = () => can() && active !== undefined;
    const heard = () => chosen() && item.player !== undefined && schema().shape === "segments";
    const walk = (by: number) => () => {
      const count = entries().length;
      if (count === 0) return;
      take(active === undefined ? (by > 0 ? 0 : count - 1) : (active + by + count) % count);
      table.reveal(active ?? 0);
    };
    return [
      { id: "add", title: "plain.add", keys: ["+"], run: append, enabled: can, icon: "add" },
      {
        id: "start",
        title: "plain.startHere",
        keys: ["["],
        run: () => mark("start"),
        enabled: heard,
      },
      { id: "end", title: "plain.endHere", keys: ["]"], run: () => mark("end"), enabled: heard },
      {
        id: "next",
        title: "tool.next",
        keys: ["Tab"],
        run: walk(1),
        enabled: () => columns !== undefined,
      },
      {
        id: "previous",
        title: "tool.previous",
        keys: ["Shift+Tab"],
        run: walk(-1),
        enabled: () => columns !== undefined,
      },
      {
        id: "remove",
        title: "tool.remove",
        keys: ["Backspace", "Delete"],
        run: () => remove(active!),
        enabled: chosen,
      },
      {
        id: "deselect",
        title: "tool.deselect",
        keys: ["Escape"],
        run: () => (document.activeElement as HTMLElement | null)?.blur(),
      },
      ...item.commands(),
      ...core.commands(),
    ];
  }

  function objects(): ObjectRow[] {
    return entries().map((one, place) => ({
      id: String(place),
      class: String(one.class ?? one.speaker ?? ""),
      attributes: (one.attributes ?? {}) as Record<string, string>,
      state: "own",
      detail: detailOf(one),
    }));
  }

  return {
    ...core.shared(),
    load,
    value: () => core.state.value,
    commands,
    faults,
    objects,
    selected: () => (active === undefined ? undefined : String(active)),
    select: (id) => {
      take(id === undefined ? undefined : Number(id));
      if (id !== undefined && columns) table.reveal(Number(id));
    },
    setClass: (id, name) => {
      const at = id === undefined ? active : Number(id);
      if (at !== undefined)
        keep(entries().map((one, place) => (place === at ? { ...one, class: name } : one)));
    },
    setAttributes: (id, attributes) => {
      keep(
        entries().map((one, place) => (place === Number(id) ? { ...one, attributes } : one)),
        `attributes.${id}`,
      );
    },
    remove: (id) => remove(Number(id)),
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

function detailOf(one: Entry): string {
  if (typeof one.end === "number") {
    return `${Number(one.start ?? 0)}–${one.end} s ${String(one.text ?? "")}`.trim();
  }
  return one.id ? String(one.id) : "";
}

export const tool: Tool = { mount, prefetch: prefetchMedia };
