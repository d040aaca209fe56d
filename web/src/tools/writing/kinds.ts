/** Classes to be ticked beside a text. */
import { classesOf, type LabelSchema } from "@/desk/schema";
import { classKeys } from "../common/classkeys";
import type { Core } from "../common/core";
import { button, h, kbd, swatch } from "../common/dom";
import type { Command, ToolContext } from "../contract";

export class Kinds {
  readonly element = h("div", { class: "tool-chips", role: "group" });
  #schema: LabelSchema = { shape: "" };
  #keys = new Map<string, string>();

  constructor(
    private readonly context: ToolContext,
    private readonly core: Core<unknown>,
    label: string,
    private readonly on: () => readonly string[],
    private readonly set: (classes: string[]) => void,
  ) {
    this.element.setAttribute("aria-label", label);
  }

  load(schema: LabelSchema): void {
    this.#schema = schema;
    this.#keys = classKeys(classesOf(schema));
  }

  get any(): boolean {
    return classesOf(this.#schema).length > 0;
  }

  toggle(name: string): void {
    if (!this.core.editable) return;
    const now = this.on();
    const wanted = now.includes(name) ? now.filter((one) => one !== name) : [...now, name];
    const order = classesOf(this.#schema).map((one) => one.name);
    this.set(wanted.sort((one, other) => order.indexOf(one) - order.indexOf(other)));
  }

  draw(): void {
    this.element.replaceChildren(
      ...classesOf(this.#schema).map(({ name, description }) => {
        const chip = button("", () => this.toggle(name), {
          class: "tool-button",
          title: description || this.context.t("writing.kindKeys"),
          "aria-pressed": String(this.on().includes(name)),
        });
        chip.disabled = !this.core.editable;
        const dot = swatch(this.context.colorOf(name));
        chip.append(dot, this.context.titleOf(name), ...keyOf(this.#keys.get(name)));
        return chip;
      }),
    );
  }

  commands(): Command[] {
    return [...this.#keys].map(([name, key]) => ({
      id: `class:${name}`,
      title: this.context.t("tool.choose", { name: this.context.titleOf(name) }),
      keys: [key],
      run: () => this.toggle(name),
      enabled: () => this.core.editable,
      active: () => this.on().includes(name),
    }));
  }

  /** While one writes: Alt and the key. */
  onTyping = (event: KeyboardEvent): void => {
    if (!event.altKey || event.isComposing) return;
    const digit = /^Digit\d$/.test(event.code) ? event.code.slice(5) : event.key.toUpperCase();
    const found = [...this.#keys].find(([, key]) => key === digit);
    if (!found) return;
    event.preventDefault();
    this.toggle(found[0]);
  };
}

function keyOf(key: string | undefined): HTMLElement[] {
  const shown = kbd(key);
  return shown ? [shown] : [];
}
