/** A label as it is written, checked while it is typed; what is no JSON is kept and told. */
import type { LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";
import { button, h, onTyped, say } from "../common/dom";
import type { ToolContext } from "../contract";

export interface Written {
  text: string;
  /** The last text that was JSON. */
  value: Value;
  error?: string;
}

export function written(value: Value): Written {
  return { text: JSON.stringify(value, null, 2), value };
}

/** Reads what was typed; a text that is none keeps the last value. */
export function read(text: string, before: Written): Written {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("{ }");
    return { text, value: value as Value };
  } catch (error) {
    return {
      text,
      value: before.value,
      error: error instanceof Error ? error.message : String(error),
    };
  }
}

export interface JsonOptions {
  context: ToolContext;
  typed(text: string): void;
  example(): void;
  tidy(): void;
}

export class JsonView {
  readonly element: HTMLElement;
  readonly field = h("textarea", { class: "tool-input plain-json", spellcheck: "false" });
  #example: HTMLButtonElement;
  #tidy: HTMLButtonElement;
  #said = h("p", { class: "plain-said", role: "status" });

  constructor(private readonly options: JsonOptions) {
    const { t } = options.context;
    this.field.setAttribute("aria-label", t("tool.plain.value"));
    onTyped(this.field, options.typed);
    this.#example = button(t("tool.plain.example"), options.example, { class: "tool-button" });
    this.#tidy = button(t("plain.tidy"), options.tidy, { class: "tool-button quiet" });
    this.element = h(
      "div",
      { class: "plain-written" },
      h("p", { class: "tool-quiet", text: t("tool.plain.help") }),
      h("div", { class: "tool-row" }, this.#example, this.#tidy),
      this.field,
      this.#said,
    );
  }

  draw(now: Written, faults: readonly string[], schema: LabelSchema, editable: boolean): void {
    const { t } = this.options.context;
    say(this.field, now.text);
    this.field.readOnly = !editable;
    this.#example.disabled = !editable;
    this.#tidy.disabled = !editable || now.error !== undefined;
    const wrong = now.error ? t("tool.plain.invalid", { error: now.error }) : faults[0];
    this.#said.textContent = wrong ?? t("plain.valid");
    this.#said.classList.toggle("wrong", wrong !== undefined);
    this.#said.dataset.shape = schema.shape;
  }
}
