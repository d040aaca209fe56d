/** Spans of a text and the relations between them. */
import "../common/tool.css";
import "./text.css";
import { classesOf } from "@/desk/schema";
import type { Value } from "@/desk/value";
import { classKeys } from "../common/classkeys";
import { h } from "../common/dom";
import { ItemView, prefetchMedia } from "../common/item";
import type {
  Command,
  Mode,
  ObjectRow,
  Tool,
  ToolContext,
  ToolInstance,
  ToolTask,
} from "../contract";
import { Bar } from "./bar";
import { drawScene, type Spot } from "./draw";
import { Editor } from "./editor";
import { faultsOf } from "./faults";
import { TextLayout } from "./layout";
import { answerOf, type Link, type Mark } from "./model";
import { type Answer, answersOf, drawOthers, onlyTheirs } from "./others";
import { listen } from "./pointer";

/** Characters of a span that are quoted in lists. */
const QUOTED = 60;

function mount(element: HTMLElement, context: ToolContext): ToolInstance {
  const { t } = context;
  const editor = new Editor(context, draw);
  const layout = new TextLayout(t("spans.text"));
  const bar = new Bar(editor);
  let spots: Spot[] = [];
  let answers: readonly Answer[] = [];
  let field = "";
  let asked = 0;

  const item = new ItemView(context, { skip: (one) => one.name === field });
  const around = h("div", { class: "spans-context" }, item.element);
  const saying = h("p", { class: "spans-say", role: "status" });
  const others = h("div", {
    class: "tool-compare",
    hidden: true,
    "aria-label": t("answers.title"),
  });
  const main = h("div", { class: "spans-main" }, layout.scroller, bar.picker, saying);
  const root = h("div", { class: "tool spans" }, bar.element, around, main, others);
  element.append(root);

  const silent = listen(layout, editor, () => spots);
  const soon = () => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(marks);
  };
  layout.scroller.addEventListener("scroll", soon, { passive: true });
  const resized = typeof ResizeObserver === "undefined" ? undefined : new ResizeObserver(soon);
  resized?.observe(layout.page);
  editor.core.selected.on(() => {
    reveal();
    draw();
  });

  function draw(): void {
    bar.draw();
    marks();
    const head = editor.mark(editor.linking);
    saying.textContent = head ? t("tool.text.relationFrom", { name: editor.quote(head) }) : "";
    drawOthers(others, editor.state, answers, (one) => short(editor.quote(one)), show, context);
  }

  function marks(): void {
    const shown = editor.marks.filter((one) => !editor.hidden.has(one.key));
    spots = drawScene(layout, {
      marks: shown,
      links: editor.state.links.filter((one) => !editor.hidden.has(one.key)),
      selected: editor.selected,
      range: editor.range,
      others: onlyTheirs(editor.marks, answers).map((one) => editor.units(one)),
      units: (mark) => editor.units(mark),
      context,
    });
  }

  function show(mark: Mark): void {
    layout.reveal(editor.units(mark));
  }

  function reveal(): void {
    const link = editor.link(editor.selected);
    const mark = editor.mark(link?.head ?? editor.selected);
    if (mark) show(mark);
    else if (editor.range) layout.reveal(editor.range);
  }

  /** The stretch on the line above or below. */
  function line(by: number): void {
    const mark = editor.mark(editor.selected);
    const from = editor.range ?? (mark ? editor.units(mark) : { start: 0, end: 1 });
    const [rect] = layout.rects(from);
    if (!rect) return;
    const origin = layout.page.getBoundingClientRect();
    const high = editor.rules.length > 0 ? 62 : 42;
    const y = origin.top + rect.y + rect.height / 2 + by * high;
    const unit = layout.at(origin.left + rect.x + 2, y);
    if (unit !== undefined) editor.stepTo(unit);
  }

  function load(task: ToolTask, value: Value | undefined, mode: Mode): void | Promise<void> {
    const found = task.fields.find((one) => one.type === "text" && one.name in task.data);
    field = found?.name ?? "";
    const text = String(task.data[field] ?? "");
    answers = [];
    editor.load(task, text, value, mode);
    layout.setText(text);
    bar.close();
    root.classList.toggle("related", editor.rules.length > 0);
    const more = task.fields.some((one) => one.name !== field && one.name in task.data);
    around.hidden = !more;
    editor.core.selected.emit();
    if (!found) saying.textContent = t("spans.none");
    return more ? item.show(task) : undefined;
  }

  return {
    ...editor.core.shared(),
    load,
    value: () => answerOf(editor.state),
    commands: () => [
      ...commandsOf(editor, bar, line),
      ...item.commands(),
      ...editor.core.commands(),
    ],
    objects: () => rowsOf(editor),
    selected: () => editor.selected,
    select: (key) => editor.select(key),
    setClass: (key, name) => editor.setClass(key, name),
    setAttributes: (key, attributes) => editor.setAttributes(key, attributes),
    remove: (key) => editor.remove(key),
    toggleHidden: (key) => {
      if (!editor.hidden.delete(key)) editor.hidden.add(key);
      editor.core.selected.emit();
    },
    setState: (key, state) => editor.setState(key, state),
    faults: () => faultsOf(editor.state, editor.schema, editor.text.length, t),
    compare: (values) => {
      answers = answersOf(values);
      draw();
    },
    destroy: () => {
      cancelAnimationFrame(asked);
      resized?.disconnect();
      silent();
      item.destroy();
      bar.destroy();
      root.remove();
    },
  };
}

function commandsOf(editor: Editor, bar: Bar, line: (by: number) => void): Command[] {
  const { t, titleOf } = editor.context;
  const keys = classKeys(classesOf(editor.palette()));
  const { core } = editor;
  const can = () => core.editable;
  const suggested = () => can() && editor.mark(editor.selected)?.state === "suggested";
  const chosen = () => can() && editor.selected !== undefined;
  const marked = () => can() && editor.mark(editor.selected) !== undefined;
  const classes = [...keys].map(([name, key]) => ({
    id: `class:${name}`,
    title: t("tool.choose", { name: titleOf(name) }),
    keys: [key],
    run: () => editor.choose(name),
    enabled: can,
    active: () => editor.active === name,
  }));
  const step = (id: string, title: string, key: string, run: () => void, enabled = can) => ({
    id,
    title,
    keys: [key],
    run,
    enabled,
  });
  return [
    ...classes,
    {
      id: "relation",
      title: "tool.text.relation",
      keys: ["R"],
      icon: "relation",
      run: () => editor.relate(),
      enabled: marked,
      active: () => editor.linking !== undefined,
    },
    {
      id: "snap",
      title: "tool.text.snap",
      keys: ["W"],
      icon: "snap",
      run: () => bar.toggleWhole(),
      active: () => editor.whole,
    },
    { id: "search", title: "work.searchLabels", keys: ["/"], run: () => bar.open(), enabled: can },
    step("nextWord", "spans.nextWord", "ArrowRight", () => editor.step(1, false)),
    step("previousWord", "spans.previousWord", "ArrowLeft", () => editor.step(-1, false)),
    step("longer", "spans.longer", "Shift+ArrowRight", () => editor.step(1, true)),
    step("shorter", "spans.shorter", "Shift+ArrowLeft", () => editor.step(-1, true)),
    step(
      "startLater",
      "spans.startLater",
      "Alt+ArrowRight",
      () => editor.resize("start", 1),
      marked,
    ),
    step(
      "startEarlier",
      "spans.startEarlier",
      "Alt+ArrowLeft",
      () => editor.resize("start", -1),
      marked,
    ),
    step("lineDown", "spans.nextWord", "ArrowDown", () => line(1)),
    step("lineUp", "spans.previousWord", "ArrowUp", () => line(-1)),
    { id: "next", title: "tool.next", keys: ["Tab"], run: () => editor.walk(1) },
    { id: "previous", title: "tool.previous", keys: ["Shift+Tab"], run: () => editor.walk(-1) },
    {
      id: "accept",
      title: "tool.accept",
      keys: ["A"],
      run: () => editor.settle("accepted"),
      enabled: suggested,
    },
    {
      id: "reject",
      title: "tool.reject",
      keys: ["X"],
      run: () => editor.settle("rejected"),
      enabled: suggested,
    },
    {
      id: "acceptAll",
      title: "tool.acceptAll",
      keys: ["Shift+A"],
      run: () => editor.acceptAll(),
      enabled: can,
    },
    {
      id: "remove",
      title: "tool.remove",
      keys: ["Backspace", "Delete"],
      run: () => editor.remove(editor.selected),
      enabled: chosen,
    },
    { id: "deselect", title: "tool.deselect", keys: ["Escape"], run: () => editor.cancel() },
  ];
}

function rowsOf(editor: Editor): ObjectRow[] {
  const quoted = (key: string) => {
    const mark = editor.mark(key);
    return mark ? short(editor.quote(mark)) : "?";
  };
  const hidden = (key: string) => (editor.hidden.has(key) ? { hidden: true } : {});
  const marks = editor.state.marks.map((one) => ({
    id: one.key,
    class: one.class,
    attributes: { ...one.attributes },
    state: one.state,
    detail: short(editor.quote(one)),
    ...(one.score ? { score: one.score } : {}),
    ...hidden(one.key),
  }));
  const links = editor.state.links.map((one: Link) => ({
    id: one.key,
    class: one.class,
    attributes: { ...one.attributes },
    state: "own" as const,
    detail: `${quoted(one.head)} → ${quoted(one.tail)}`,
    ...hidden(one.key),
  }));
  return [...marks, ...links];
}

function short(text: string): string {
  return text.length > QUOTED ? `${[...text].slice(0, QUOTED).join("")}…` : text;
}

export const tool: Tool = { mount, prefetch: prefetchMedia };
