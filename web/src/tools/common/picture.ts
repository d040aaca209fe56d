/** One picture on the dark stage: zoom to the cursor, drag to pan, double click for all of it. */
import type { ToolContext } from "../contract";
import { button, h } from "./dom";
import { pictureOf } from "./pictures";

const MOST = 24;
const WHEEL = 0.0015;

export class Picture {
  readonly element: HTMLElement;
  #frame: HTMLElement;
  #words: HTMLElement;
  #image: HTMLImageElement | undefined;
  #wanted = "";
  #scale = 1;
  #x = 0;
  #y = 0;
  #context: ToolContext;

  constructor(context: ToolContext) {
    this.#context = context;
    this.#frame = h("div", { class: "picture-frame" });
    this.#words = h("p", { class: "picture-words", role: "status" });
    const fit = button(context.t("media.all"), () => this.fit(), {
      class: "picture-fit",
      title: context.t("media.fit"),
      "aria-label": context.t("media.fit"),
    });
    this.element = h("div", { class: "picture" }, this.#frame, this.#words, fit);
    this.#frame.addEventListener("wheel", this.#onWheel, { passive: false });
    this.#frame.addEventListener("pointerdown", this.#onDown);
    this.#frame.addEventListener("dblclick", () => this.fit());
  }

  /** Shows a picture once it is decoded; the last one stays until then. */
  async show(url: string, alt: string): Promise<void> {
    this.#wanted = url;
    this.#words.textContent = "";
    const waits = setTimeout(() => {
      this.#words.textContent = this.#context.t("app.loading", { what: alt });
    }, 150);
    try {
      const loaded = await pictureOf(url);
      if (this.#wanted !== url) return;
      const image = loaded.isConnected ? (loaded.cloneNode() as HTMLImageElement) : loaded;
      image.alt = alt;
      const before = this.#image;
      const same =
        before?.naturalWidth === image.naturalWidth && before.naturalHeight === image.naturalHeight;
      this.#image = image;
      this.#frame.replaceChildren(image);
      // The zoom is kept from one to the next where they are of one size.
      if (same) this.#place();
      else this.fit();
      this.#words.textContent = "";
    } catch {
      if (this.#wanted !== url) return;
      this.clear();
      this.#words.textContent = this.#context.t("media.broken");
    } finally {
      clearTimeout(waits);
    }
  }

  clear(): void {
    this.#wanted = "";
    this.#image = undefined;
    this.#frame.replaceChildren();
    this.#words.textContent = "";
  }

  fit(): void {
    this.#scale = 1;
    this.#x = 0;
    this.#y = 0;
    this.#place();
  }

  zoom(by: number): void {
    const { width, height } = this.#frame.getBoundingClientRect();
    this.#zoomAt(width / 2, height / 2, by);
  }

  #zoomAt(x: number, y: number, by: number): void {
    const scale = Math.min(MOST, Math.max(1, this.#scale * by));
    const grown = scale / this.#scale;
    this.#x = x - (x - this.#x) * grown;
    this.#y = y - (y - this.#y) * grown;
    this.#scale = scale;
    this.#place();
  }

  #place(): void {
    const { width, height } = this.#frame.getBoundingClientRect();
    this.#x = Math.min(0, Math.max(width * (1 - this.#scale), this.#x));
    this.#y = Math.min(0, Math.max(height * (1 - this.#scale), this.#y));
    if (this.#image) {
      this.#image.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#scale})`;
    }
    this.#frame.classList.toggle("zoomed", this.#scale > 1);
  }

  #onWheel = (event: WheelEvent) => {
    event.preventDefault();
    const { left, top } = this.#frame.getBoundingClientRect();
    this.#zoomAt(event.clientX - left, event.clientY - top, Math.exp(-event.deltaY * WHEEL));
  };

  #onDown = (event: PointerEvent) => {
    if (this.#scale === 1 || event.button !== 0) return;
    const { clientX, clientY } = event;
    const [x, y] = [this.#x, this.#y];
    this.#frame.setPointerCapture(event.pointerId);
    const move = (now: PointerEvent) => {
      this.#x = x + now.clientX - clientX;
      this.#y = y + now.clientY - clientY;
      this.#place();
    };
    const stop = () => this.#frame.removeEventListener("pointermove", move);
    this.#frame.addEventListener("pointermove", move);
    this.#frame.addEventListener("pointerup", stop, { once: true });
    this.#frame.addEventListener("pointercancel", stop, { once: true });
  };
}
