/** A text made better: what was there, what became of it, which kinds of change. */
import type { LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";
import type { Core } from "../common/core";
import { h, onTyped, say } from "../common/dom";
import { ItemView } from "../common/item";
import { classFaults } from "../common/rules";
import type { Fault, ToolContext, ToolTask } from "../contract";
import type { Board } from "./board";
import { ChangesView, counted } from "./changesView";
import { Kinds } from "./kinds";

type Rewrite = NonNullable<Value["rewrite"]>;

export function rewriteBoard(context: ToolContext, core: Core<Value>): Board {
  const { t } = context;
  let schema: LabelSchema = { shape: "rewrite" };
  let texts: string[] = [];
  let source: string | undefined;

  const item = new ItemView(context, { skip: (one) => one.name === source });
  const around = h("div", { class: "write-around" }, item.element);
  const before = h("p", { class: "item-text", dir: "auto" });
  const field = h("textarea", { class: "tool-input write-field", dir: "auto", maxlength: 200_000 });
  field.setAttribute("aria-label", t("tool.write.after"));
  onTyped(field, (text) => set({ after: text }, "after"));
  const count = h("span", { class: "tool-quiet num" });
  const reason = h("input", {
    class: "tool-input",
    placeholder: t("tool.dialogue.reason"),
    maxlength: 10_000,
  });
  reason.setAttribute("aria-label", t("tool.dialogue.reason"));
  onTyped(reason, (text) => set({ reason: text }, "reason"));
  const diff = new ChangesView(context, () => set({ after: now().before ?? "" }));
  const kinds = new Kinds(
    context,
    core,
    t("writing.kinds"),
    () => now().classes ?? [],
    (classes) => set({ classes }),
  );
  field.addEventListener("keydown", kinds.onTyping);
  const kindLabel = h("span", { class: "tool-label", text: t("writing.kinds") });
  const left = h(
    "div",
    { class: "write-left" },
    around,
    h(
      "section",
      { class: "write-before" },
      h("h3", { class: "tool-label", text: t("tool.write.before") }),
      before,
    ),
  );
  const right = h(
    "div",
    { class: "write-pane" },
    h(
      "div",
      { class: "tool-row" },
      h("h3", { class: "tool-label", text: t("tool.write.after") }),
      h("span", { class: "tool-grow" }),
      count,
    ),
    field,
    diff.element,
    h("div", { class: "write-kinds" }, kindLabel, kinds.element),
    reason,
  );
  const element = h("div", { class: "write-board" }, left, right);

  const now = (): Rewrite => core.state.rewrite ?? {};

  function set(change: Partial<Rewrite>, typed?: string): void {
    const rewrite = { ...now(), ...change };
    if (rewrite.reason === "") delete rewrite.reason;
    if (rewrite.classes?.length === 0) delete rewrite.classes;
    if (typed) core.type(typed, { rewrite });
    else core.change({ rewrite });
  }

  function faults(): Fault[] {
    const strange = texts.length > 0 && !texts.includes(plain(now().before));
    const field = "rewrite.after";
    return [
      ...(strange ? [{ field: "rewrite.before", message: t("writing.source") }] : []),
      ...((now().after ?? "").trim() === "" ? [{ field, message: t("tool.fault.write") }] : []),
      ...classFaults(now().classes ?? [], schema, "rewrite.classes", t),
    ];
  }

  return {
    element,
    field,
    beginning: (task) => {
      const text = sourceOf(task)?.text ?? "";
      return { rewrite: { before: text, after: text } };
    },
    load: (task) => {
      schema = task.schema;
      const own = sourceOf(task, now().before);
      source = own?.field;
      texts = textsOf(task).map((one) => plain(one.text));
      kinds.load(schema);
      kindLabel.hidden = !kinds.any;
      const more = task.fields.some((one) => one.name !== source && one.name in task.data);
      around.hidden = !more;
      return more ? item.show(task) : undefined;
    },
    draw: () => {
      before.textContent = now().before ?? "";
      say(field, now().after ?? "");
      say(reason, now().reason ?? "");
      field.readOnly = reason.readOnly = !core.editable;
      count.textContent = counted(now().after ?? "", context);
      diff.draw(now().before ?? "", now().after ?? "", core.editable);
      kinds.draw();
    },
    value: () => ({ rewrite: { ...now() } }),
    faults,
    commands: () => [...kinds.commands(), ...item.commands()],
    text: (value) => value.rewrite?.after ?? "",
    facts: (value) => [
      ...(value.rewrite?.classes ?? []).map(context.titleOf),
      ...(value.rewrite?.reason ? [value.rewrite.reason] : []),
    ],
    destroy: () => {
      diff.destroy();
      item.destroy();
    },
  };
}

interface Source {
  field: string;
  text: string;
}

/** Texts of the item that may be rewritten, as the server sees them. */
function textsOf(task: ToolTask): Source[] {
  const named = typeof task.schema.source === "string" ? task.schema.source : "";
  return task.fields.flatMap(({ name, type }): Source[] => {
    if (!["text", "conversation", "candidates"].includes(type) || (named && name !== named))
      return [];
    const given = task.data[name];
    if (typeof given === "string") return [{ field: name, text: given }];
    if (!Array.isArray(given)) return [];
    return given.flatMap((one) => {
      const text = one?.content ?? one?.text;
      return typeof text === "string" ? [{ field: "", text }] : [];
    });
  });
}

/** The text to be made better: the one a draft is of, else the last of the item's. */
function sourceOf(task: ToolTask, before?: string): Source | undefined {
  const texts = textsOf(task);
  return texts.find((one) => plain(one.text) === plain(before)) ?? texts.at(-1);
}

function plain(text: string | undefined): string {
  return (text ?? "").replaceAll("\r\n", "\n");
}
