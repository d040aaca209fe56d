/** The classes over the text, with their keys; the long list of them opens by "/". */
import { classesOf } from "@/desk/schema";
import { classKeys } from "../common/classkeys";
import { ClassList } from "../common/classlist";
import { button, h, kbd, swatch } from "../common/dom";
import type { Editor } from "./editor";

const SHOWN = 20;

export class Bar {
  readonly element: HTMLElement;
  readonly picker: HTMLElement;
  #classes = h("div", { class: "spans-classes", role: "toolbar" });
  #relate: HTMLButtonElement;
  #whole: HTMLButtonElement;
  #more: HTMLButtonElement;
  #list: ClassList;
  #listed: unknown;

  constructor(private readonly editor: Editor) {
    const { t } = editor.context;
    this.#classes.setAttribute("aria-label", t("spans.classes"));
    this.#relate = button("", () => editor.relate(), { class: "tool-button quiet" });
    this.#relate.append(h("span", { text: `→ ${t("tool.text.relation")}` }), kbd("R")!);
    this.#whole = button("", () => this.toggleWhole(), { class: "tool-button quiet" });
    this.#whole.append(h("span", { text: t("tool.text.snap") }), kbd("W")!);
    this.#more = button("", () => this.open(), { class: "tool-button quiet" });
    this.element = h(
      "div",
      { class: "spans-bar" },
      this.#classes,
      this.#more,
      this.#relate,
      this.#whole,
    );
    this.#list = new ClassList({
      context: editor.context,
      label: t("spans.classes"),
      look: (name) => ({ on: this.#on(name) }),
      pick: (name) => {
        editor.choose(name);
        this.close();
      },
      leave: () => this.close(),
    });
    this.picker = h("div", { class: "spans-picker", hidden: true }, this.#list.element);
  }

  toggleWhole(): void {
    this.editor.whole = !this.editor.whole;
    this.editor.core.selected.emit();
  }

  open(): void {
    this.#list.setClasses(this.editor.palette(), false);
    this.picker.hidden = false;
    this.#list.refresh();
    this.#list.focusSearch();
  }

  close(): void {
    this.picker.hidden = true;
  }

  draw(): void {
    const { editor } = this;
    const palette = editor.palette();
    const named = classesOf(palette)
      .map((one) => one.name)
      .join("\n");
    if (this.#listed !== named) {
      this.#listed = named;
      this.#classes.replaceChildren(...this.#buttons());
      const left = classesOf(palette).length - SHOWN;
      this.#more.hidden = left <= 0;
      this.#more.replaceChildren(`+${left}`, kbd("/")!);
    }
    for (const one of this.#classes.querySelectorAll<HTMLElement>("[data-class]")) {
      one.setAttribute("aria-pressed", String(this.#on(one.dataset.class!)));
    }
    this.#relate.hidden = editor.rules.length === 0;
    this.#relate.disabled = !editor.core.editable || !editor.mark(editor.selected);
    this.#relate.setAttribute("aria-pressed", String(editor.linking !== undefined));
    this.#whole.setAttribute("aria-pressed", String(editor.whole));
  }

  destroy(): void {
    this.#list.destroy();
  }

  #on(name: string): boolean {
    const { editor } = this;
    const selected = editor.mark(editor.selected) ?? editor.link(editor.selected);
    return selected ? selected.class === name : editor.active === name;
  }

  #buttons(): HTMLElement[] {
    const { context } = this.editor;
    const classes = classesOf(this.editor.palette());
    const keys = classKeys(classes);
    const shown = classes.slice(0, SHOWN).map(({ name, description }) => {
      const one = button("", () => this.editor.choose(name), {
        class: "tool-button spans-class",
        title: description || undefined,
        "data-class": name,
      });
      const dot = swatch(context.colorOf(name));
      const title = h("span", { class: "spans-name", dir: "auto", text: context.titleOf(name) });
      one.append(dot, title, ...[kbd(keys.get(name))].filter((key) => key !== undefined));
      return one;
    });
    return shown;
  }
}
