/** Where the characters of a text stand on the screen. One text node holds all of it. */
import { h } from "../common/dom";
import type { Stretch } from "./words";

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export class TextLayout {
  /** What scrolls. */
  readonly scroller: HTMLElement;
  /** The text with its marks under it. */
  readonly page: HTMLElement;
  readonly under: HTMLElement;
  #body: HTMLElement;
  #node: Text = document.createTextNode("");

  constructor(label: string) {
    this.under = h("div", { class: "spans-under", "aria-hidden": "true" });
    this.#body = h("div", { class: "spans-body", dir: "auto" });
    this.#body.append(this.#node);
    this.page = h("div", { class: "spans-page" }, this.under, this.#body);
    this.scroller = h("div", { class: "spans-scroll", tabindex: 0, role: "region" }, this.page);
    this.scroller.setAttribute("aria-label", label);
  }

  setText(text: string): void {
    // Bidirectional text takes its direction from its first strong letter, so per text.
    this.#node = document.createTextNode(text);
    this.#body.replaceChildren(this.#node);
    this.scroller.scrollTop = 0;
  }

  /** Boxes of a stretch, a line each, in pixels of the page. */
  rects({ start, end }: Stretch): Rect[] {
    const range = document.createRange();
    const most = this.#node.length;
    range.setStart(this.#node, Math.min(start, most));
    range.setEnd(this.#node, Math.min(end, most));
    const origin = this.page.getBoundingClientRect();
    return [...(range.getClientRects?.() ?? [])]
      .filter((one) => one.width > 0)
      .map((one) => ({
        x: one.left - origin.left,
        y: one.top - origin.top,
        width: one.width,
        height: one.height,
      }));
  }

  /** Units in sight; all of them where nothing is known. */
  visible(): Stretch {
    const { left, top, right, bottom } = this.scroller.getBoundingClientRect();
    const margin = bottom - top;
    const first = margin > 0 ? this.at(left + 40, top + 2) : undefined;
    const last = margin > 0 ? this.at(right - 40, bottom - 2) : undefined;
    return { start: first ?? 0, end: last ?? this.#node.length };
  }

  /** The unit under a place of the window. */
  at(x: number, y: number): number | undefined {
    const caret = caretAt(x, y);
    return caret?.node === this.#node ? caret.offset : undefined;
  }

  /** What the mouse has selected. */
  selected(): Stretch | undefined {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || selection.rangeCount === 0) return undefined;
    const range = selection.getRangeAt(0);
    const whole = this.#node.length;
    const inside = (node: Node) => node === this.#node;
    if (!range.intersectsNode(this.#node)) return undefined;
    const start = inside(range.startContainer) ? range.startOffset : 0;
    const end = inside(range.endContainer) ? range.endOffset : whole;
    return end > start ? { start, end } : undefined;
  }

  /** Scrolls so that a stretch can be seen, no further than it must. */
  reveal(stretch: Stretch): void {
    const [first] = this.rects(stretch);
    if (!first) return;
    const { scrollTop, clientHeight } = this.scroller;
    const [top, bottom] = [first.y - 24, first.y + first.height + 48];
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.scroller.scrollTop = bottom - clientHeight;
  }
}

function caretAt(x: number, y: number): { node: Node; offset: number } | undefined {
  if (document.caretPositionFromPoint) {
    const found = document.caretPositionFromPoint(x, y);
    return found ? { node: found.offsetNode, offset: found.offset } : undefined;
  }
  // Safari's older name for the same.
  const range = document.caretRangeFromPoint?.(x, y);
  return range ? { node: range.startContainer, offset: range.startOffset } : undefined;
}
