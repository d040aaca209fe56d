/** The live difference between what was there and what is written. */
import { countWords } from "../common/count";
import { changes, drawParts, similarity } from "../common/diff";
import { button, h } from "../common/dom";
import type { ToolContext } from "../contract";

/** Texts above this many characters are compared when the typing pauses. */
const AT_ONCE = 20_000;
const PAUSE_MS = 250;

export class ChangesView {
  readonly element: HTMLElement;
  #body = h("div", { class: "write-diff", dir: "auto", tabindex: 0 });
  #similar = h("span", { class: "tool-quiet num" });
  #reset: HTMLButtonElement;
  #waits: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly context: ToolContext,
    reset: () => void,
  ) {
    const { t } = context;
    this.#reset = button(t("tool.write.reset"), reset, { class: "tool-button quiet" });
    this.#body.setAttribute("aria-label", t("tool.write.differences"));
    this.element = h(
      "section",
      { class: "write-changes" },
      h(
        "header",
        { class: "tool-row" },
        h("h3", { class: "tool-label", text: t("tool.write.differences") }),
        this.#similar,
        h("span", { class: "tool-grow" }),
        this.#reset,
      ),
      this.#body,
    );
  }

  draw(before: string, after: string, editable: boolean): void {
    clearTimeout(this.#waits);
    this.#reset.disabled = !editable || before === after;
    if (before.length + after.length < AT_ONCE) this.#show(before, after);
    else this.#waits = setTimeout(() => this.#show(before, after), PAUSE_MS);
  }

  destroy(): void {
    clearTimeout(this.#waits);
  }

  #show(before: string, after: string): void {
    const { t } = this.context;
    const parts = changes(before, after);
    if (!parts) {
      this.#body.textContent = t("writing.tooMuch");
      this.#similar.textContent = "";
      return;
    }
    const percent = Math.round(similarity(parts) * 100);
    this.#similar.textContent = t("tool.write.similar", { percent });
    if (before === after) this.#body.textContent = t("writing.same");
    else this.#body.replaceChildren(...drawParts(parts));
  }
}

/** Words and characters of what is written. */
export function counted(text: string, { t }: ToolContext): string {
  const words = t("tool.write.words", { count: countWords(text) });
  return `${words} · ${[...text].length} ${t("tool.text.characters")}`;
}
