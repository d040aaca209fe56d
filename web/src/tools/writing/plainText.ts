/** A text about the item: a caption, a transcript, a corrected text. */
import type { LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";
import type { Core } from "../common/core";
import { h, onTyped, say } from "../common/dom";
import { ItemView, kindOf } from "../common/item";
import type { ToolContext, ToolTask } from "../contract";
import type { Board } from "./board";
import { ChangesView, counted } from "./changesView";

const MOST = 100_000;

export function textBoard(context: ToolContext, core: Core<Value>): Board {
  const { t } = context;
  let schema: LabelSchema = { shape: "text" };
  let base: string | undefined;

  const item = new ItemView(context);
  const field = h("textarea", {
    class: "tool-input write-field",
    dir: "auto",
    maxlength: MOST,
    placeholder: t("tool.write.answer"),
  });
  field.setAttribute("aria-label", t("tool.write.answer"));
  onTyped(field, (text) => core.type("text", { text: { text } }));
  field.addEventListener("keydown", (event) => item.player?.onTyping(event));
  const count = h("span", { class: "tool-quiet num" });
  const keys = h("span", { class: "tool-quiet", text: t("writing.soundKeys") });
  const diff = new ChangesView(context, () => core.change({ text: { text: base ?? "" } }));
  const pane = h(
    "div",
    { class: "write-pane" },
    field,
    h("div", { class: "tool-row write-line" }, count, h("span", { class: "tool-grow" }), keys),
    diff.element,
  );
  const element = h(
    "div",
    { class: "write-board" },
    h("div", { class: "write-item" }, item.element),
    pane,
  );

  const now = () => core.state.text?.text ?? "";

  /** A text that is only to be corrected is written over, not written anew. */
  function corrected(task: ToolTask): string | undefined {
    const texts = task.fields.filter((one) => one.type === "text" && one.name in task.data);
    const alone = texts.length === 1 && task.media.length === 0 && !task.schema.texts;
    return alone ? String(task.data[texts[0]!.name]) : undefined;
  }

  return {
    element,
    field,
    beginning: (task) => ({ text: { text: corrected(task) ?? "" } }),
    load: (task) => {
      schema = task.schema;
      base = corrected(task) ?? task.prediction?.value.text?.text;
      diff.element.hidden = base === undefined;
      const sound = task.media.length > 0 && task.media.every((one) => kindOf(one) === "audio");
      element.classList.toggle("stacked", sound);
      keys.hidden = !task.media.some((one) => ["audio", "video"].includes(kindOf(one)));
      return item.show(task, stretchOf(task));
    },
    draw: () => {
      say(field, now());
      field.readOnly = !core.editable;
      count.textContent = counted(now(), context);
      if (base !== undefined) diff.draw(base, now(), core.editable);
    },
    value: () => ({ text: { text: now() } }),
    faults: () =>
      schema.texts && now().trim() === ""
        ? [{ field: "text.text", message: t("tool.fault.write") }]
        : [],
    commands: () => item.commands(),
    text: (value) => value.text?.text ?? "",
    facts: () => [],
    destroy: () => {
      diff.destroy();
      item.destroy();
    },
  };
}

/** The stretch of the recording that a task of one segment is about, in seconds. */
export function stretchOf(task: ToolTask): { start: number; end: number } | undefined {
  const shape = task.inputs?.segments as { segments?: Segment[] } | undefined;
  const segments = shape?.segments ?? [];
  if (!task.element || segments.length === 0) return undefined;
  const own =
    segments.length === 1
      ? segments[0]
      : (segments.find((one) => one.id === task.element) ?? segments[Number(task.element)]);
  return own?.end === undefined ? undefined : { start: own.start ?? 0, end: own.end };
}

interface Segment {
  id?: string;
  start?: number;
  end?: number;
}
