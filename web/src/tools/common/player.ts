/** A sound: play, seek, slower or faster with its pitch kept, a stretch that is heard again. */
import type { Command, ToolContext } from "../contract";
import { button, h } from "./dom";
import { Peaks } from "./peaks";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const BACK_SECONDS = 2;

export class Player {
  readonly element: HTMLElement;
  readonly sound: HTMLMediaElement;
  #seek: HTMLInputElement;
  #time: HTMLElement;
  #play: HTMLButtonElement;
  #speed: HTMLSelectElement;
  #words: HTMLElement;
  #peaks: Peaks;
  #stretch: { start: number; end: number } | undefined;
  #context: ToolContext;

  constructor(context: ToolContext, kind: "audio" | "video" = "audio") {
    const { t } = context;
    this.#context = context;
    this.sound = h(kind, { preload: "auto", class: "player-media" });
    this.sound.preservesPitch = true;
    this.#play = button("▶", () => this.toggle(), {
      class: "tool-button player-play",
      "aria-label": t("media.play"),
      title: `${t("media.play")} (Space, F4)`,
    });
    const back = button(`−${BACK_SECONDS} s`, () => this.back(), {
      class: "tool-button quiet",
      title: `${t("media.back")} (F2)`,
    });
    this.#seek = h("input", {
      type: "range",
      class: "player-seek",
      min: 0,
      max: 0,
      step: 0.01,
      "aria-label": t("media.position"),
      on: {
        input: () => {
          this.sound.currentTime = Number(this.#seek.value);
        },
      },
    });
    this.#time = h("span", { class: "player-time num", text: "0:00.0" });
    this.#speed = h(
      "select",
      {
        class: "tool-input player-speed",
        "aria-label": t("media.speed"),
        on: {
          change: () => {
            this.sound.playbackRate = Number(this.#speed.value);
          },
        },
      },
      ...SPEEDS.map((one) => h("option", { value: one, text: `${one} ×`, selected: one === 1 })),
    );
    this.#words = h("span", { class: "tool-quiet", role: "status" });
    this.#peaks = new Peaks((seconds) => {
      this.sound.currentTime = seconds;
    });
    this.element = h(
      "div",
      { class: `player ${kind}` },
      this.sound,
      kind === "audio" && this.#peaks.element,
      h("div", { class: "player-bar" }, this.#play, back, this.#seek, this.#time, this.#speed),
      this.#words,
    );
    for (const event of ["timeupdate", "seeked", "loadedmetadata", "play", "pause"] as const) {
      this.sound.addEventListener(event, this.#draw);
    }
    this.sound.addEventListener("error", this.#onError);
  }

  /** `stretch` in seconds: what of the sound the task is about. */
  show(url: string, stretch?: { start: number; end: number }): void {
    this.#stretch = stretch;
    this.#words.textContent = "";
    if (this.sound.getAttribute("src") !== url) this.sound.src = url;
    this.sound.playbackRate = Number(this.#speed.value);
    this.sound.currentTime = stretch?.start ?? 0;
    void this.#peaks.show(url, stretch);
    this.#draw();
  }

  get time(): number {
    return this.sound.currentTime;
  }

  toggle(): void {
    if (!this.sound.paused) this.sound.pause();
    else {
      const { end, start } = this.#stretch ?? { end: this.sound.duration, start: 0 };
      const { currentTime } = this.sound;
      if (currentTime < start || currentTime >= end) this.sound.currentTime = start;
      void this.sound.play().catch(this.#onError);
    }
  }

  back(): void {
    const least = this.#stretch?.start ?? 0;
    this.sound.currentTime = Math.max(least, this.sound.currentTime - BACK_SECONDS);
  }

  #faster(by: number): void {
    const place = SPEEDS.indexOf(Number(this.#speed.value)) + by;
    const speed = SPEEDS[place];
    if (speed === undefined) return;
    this.#speed.value = String(speed);
    this.sound.playbackRate = speed;
  }

  /** Keys that work while one types, as transcribers' pedals do. */
  onTyping = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "F4") this.toggle();
    else if (event.key === "F2") this.back();
    else if (event.key === "F7") this.#faster(-1);
    else if (event.key === "F8") this.#faster(1);
    else return;
    event.preventDefault();
  };

  commands(): Command[] {
    return [
      { id: "play", title: "media.play", keys: [" ", "F4"], run: () => this.toggle() },
      { id: "back", title: "media.back", keys: ["F2"], run: () => this.back() },
      { id: "slower", title: "media.slower", keys: ["F7"], run: () => this.#faster(-1) },
      { id: "faster", title: "media.faster", keys: ["F8"], run: () => this.#faster(1) },
    ];
  }

  stop(): void {
    this.sound.pause();
  }

  destroy(): void {
    this.sound.pause();
    this.#peaks.destroy();
    this.sound.removeAttribute("src");
    this.element.remove();
  }

  #onError = () => {
    this.#words.textContent = this.#context.t("media.broken");
  };

  #draw = () => {
    const { currentTime, duration, paused } = this.sound;
    const { start, end } = this.#stretch ?? { start: 0, end: duration || 0 };
    if (this.#stretch && !paused && currentTime >= end) this.sound.pause();
    this.#seek.min = String(start);
    this.#seek.max = String(end);
    this.#seek.value = String(currentTime);
    this.#play.textContent = paused ? "▶" : "❚❚";
    this.#peaks.at(currentTime);
    this.#time.textContent = `${clock(currentTime)} / ${clock(end)}`;
  };
}

/** Seconds as minutes: 63.25 -> "1:03.2". */
export function clock(seconds: number): string {
  const tenths = Math.floor((Number.isFinite(seconds) ? seconds : 0) * 10 + 1e-6);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
}
