/** The loudness of a sound over time, as the server has it; a click goes there. */
import { h } from "./dom";
import { variantUrl } from "./pictures";

/** Values a second, as the server makes them. */
const RATE = 50;
const LOUDEST = 255;

export class Peaks {
  readonly element: HTMLElement;
  #canvas = h("canvas", { class: "peaks-canvas", "aria-hidden": "true" });
  #line = h("span", { class: "peaks-line" });
  #wanted = "";
  #peaks = new Uint8Array();
  #start = 0;
  #end = 0;
  #resized: ResizeObserver | undefined;

  constructor(go: (seconds: number) => void) {
    this.element = h("div", { class: "peaks", hidden: true }, this.#canvas, this.#line);
    this.element.addEventListener("pointerdown", (event) => {
      const { left, width } = this.element.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - left) / (width || 1)));
      go(this.#start + share * (this.#end - this.#start));
    });
    if (typeof ResizeObserver !== "undefined") {
      this.#resized = new ResizeObserver(() => this.#draw());
      this.#resized.observe(this.element);
    }
  }

  /** `stretch` in seconds. The room for them is there from the beginning: nothing moves. */
  async show(url: string, stretch?: { start: number; end: number }): Promise<void> {
    const from = variantUrl(url, "peaks");
    this.#wanted = url;
    this.#peaks = new Uint8Array();
    this.element.hidden = from === url;
    this.#draw();
    if (from === url) return;
    try {
      const answer = await fetch(from);
      const peaks = answer.ok ? new Uint8Array(await answer.arrayBuffer()) : new Uint8Array();
      if (this.#wanted !== url) return;
      this.#start = stretch?.start ?? 0;
      this.#end = stretch?.end ?? peaks.length / RATE;
      this.#peaks = peaks;
      this.#draw();
    } catch {
      // The sound itself tells what is wrong with it.
    }
  }

  /** Where the player is, in seconds. */
  at(seconds: number): void {
    const length = this.#end - this.#start;
    const share = length > 0 ? (seconds - this.#start) / length : 0;
    this.#line.style.left = `${Math.min(1, Math.max(0, share)) * 100}%`;
  }

  destroy(): void {
    this.#wanted = "";
    this.#resized?.disconnect();
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    this.#canvas.width = width;
    this.#canvas.height = height;
    const brush = this.#canvas.getContext("2d");
    const [from, to] = [this.#start * RATE, this.#end * RATE];
    if (!brush || to <= from || this.#peaks.length === 0) return;
    brush.fillStyle = getComputedStyle(this.element).color;
    const each = (to - from) / width;
    for (let x = 0; x < width; x += 1) {
      const [first, last] = [Math.floor(from + x * each), Math.ceil(from + (x + 1) * each)];
      let loud = 0;
      for (let place = first; place < last; place += 1)
        loud = Math.max(loud, this.#peaks[place] ?? 0);
      const high = Math.max(1, (loud / LOUDEST) * height);
      brush.fillRect(x, (height - high) / 2, 1, high);
    }
  }
}
