/** What the task is about: the item's texts, messages, pictures, sounds, shown as they are. */
import "./item.css";
import "./words";
import { clean } from "@/app/Markdown";
import type { Command, Media, ToolContext, ToolTask } from "../contract";
import { Cloud } from "./cloud";
import { button, h } from "./dom";
import { Picture } from "./picture";
import { pictureOf } from "./pictures";
import { Player } from "./player";

export interface ItemOptions {
  /** Fields that the tool shows itself. */
  skip?(field: { name: string; type: string }): boolean;
}

export function kindOf(media: Media): "image" | "audio" | "video" | "cloud" | "other" {
  const kind = media.type.split("/")[0]!.toLowerCase();
  if (kind === "image" || kind === "audio" || kind === "video" || kind === "cloud") return kind;
  return "other";
}

/** Loads what a browser can have ready before the task is shown. */
export async function prefetchMedia(task: ToolTask): Promise<void> {
  const pictures = task.media.filter((one) => kindOf(one) === "image").slice(0, 4);
  await Promise.allSettled(pictures.map((one) => pictureOf(one.url)));
}

/** Markdown of the item, cleaned. */
export function prose(text: string): HTMLElement {
  const element = h("div", { class: "markdown prose", dir: "auto" });
  element.innerHTML = clean(text);
  for (const picture of element.querySelectorAll("img:not([alt])")) picture.setAttribute("alt", "");
  // What scrolls sideways is to be reached by keys, too.
  for (const code of element.querySelectorAll("pre")) code.tabIndex = 0;
  return element;
}

export class ItemView {
  readonly element: HTMLElement;
  #texts = h("div", { class: "item-texts" });
  #stage = h("div", { class: "item-stage" });
  #pager = h("div", { class: "item-pager" });
  #picture: Picture;
  #cloud: Cloud;
  #players: { audio: Player; video: Player };
  #pages: Media[] = [];
  #page = 0;

  constructor(
    private readonly context: ToolContext,
    private readonly options: ItemOptions = {},
  ) {
    this.#picture = new Picture(context);
    this.#cloud = new Cloud(context);
    this.#players = { audio: new Player(context), video: new Player(context, "video") };
    this.element = h("div", { class: "item" }, this.#texts, this.#stage, this.#pager);
  }

  /** The player of what is to be heard, if anything is. */
  get player(): Player | undefined {
    const { audio, video } = this.#players;
    return [audio, video].find((one) => one.element.isConnected || one.element.parentNode);
  }

  async show(task: ToolTask, stretch?: { start: number; end: number }): Promise<void> {
    const fields = task.fields.filter((field) => !this.options.skip?.(field));
    const written = fields.map((field) =>
      this.#written(field, task.data[field.name], fields.length),
    );
    this.#texts.replaceChildren(...written.filter((one) => one !== undefined));
    const names = new Set(fields.map((field) => field.name));
    const media = task.media.filter((one) => names.has(one.field.split(".")[0]!));
    this.element.classList.toggle("with-media", media.length > 0);
    this.#texts.hidden = this.#texts.childElementCount === 0;
    this.#stage.hidden = media.length === 0;
    for (const player of Object.values(this.#players)) player.stop();
    this.#pages = media.filter((one) => ["image", "cloud", "other"].includes(kindOf(one)));
    const heard = media.filter((one) => ["audio", "video"].includes(kindOf(one)));
    this.#stage.replaceChildren(...heard.slice(0, 2).map((one) => this.#heard(one, stretch)));
    this.#stage.classList.toggle("sound", this.#pages.length === 0 && heard.every(isSound));
    await this.#turn(0);
  }

  commands(): Command[] {
    const turn = (by: number) => () => void this.#turn(this.#page + by);
    const paged = () => this.#pages.length > 1;
    const drawn = () => this.#picture.element.parentNode !== null;
    return [
      ...(this.player?.commands() ?? []),
      {
        id: "zoomIn",
        title: "media.closer",
        keys: ["+", "="],
        run: () => this.#picture.zoom(1.25),
        enabled: drawn,
      },
      {
        id: "zoomOut",
        title: "media.farther",
        keys: ["-"],
        run: () => this.#picture.zoom(0.8),
        enabled: drawn,
      },
      { id: "nextPage", title: "media.nextPage", keys: ["."], run: turn(1), enabled: paged },
      { id: "lastPage", title: "media.previousPage", keys: [","], run: turn(-1), enabled: paged },
    ];
  }

  destroy(): void {
    for (const player of Object.values(this.#players)) player.destroy();
    this.element.remove();
  }

  #heard(one: Media, stretch?: { start: number; end: number }): HTMLElement {
    const player = this.#players[isSound(one) ? "audio" : "video"];
    player.show(one.url, stretch);
    return player.element;
  }

  async #turn(page: number): Promise<void> {
    const one = this.#pages[page];
    this.#pager.hidden = this.#pages.length < 2;
    if (!one) return;
    this.#page = page;
    this.#drawPager(one);
    const kind = kindOf(one);
    const view = kind === "image" ? this.#picture : kind === "cloud" ? this.#cloud : undefined;
    const shown = view?.element ?? this.#unknown();
    const others = [
      this.#picture.element,
      this.#cloud.element,
      ...this.#stage.querySelectorAll(".item-unknown"),
    ];
    for (const other of others) if (other !== shown) other.remove();
    if (!shown.parentNode) this.#stage.append(shown);
    await view?.show(one.url, one.name || one.field);
  }

  #drawPager(one: Media): void {
    const { t } = this.context;
    const step = (text: string, title: string, by: number) =>
      button(text, () => void this.#turn(this.#page + by), {
        class: "tool-button quiet",
        "aria-label": t(title),
        title: `${t(title)} (${by < 0 ? "," : "."})`,
        disabled: this.#pages[this.#page + by] === undefined,
      });
    this.#pager.replaceChildren(
      step("‹", "media.previousPage", -1),
      h("span", { class: "num", text: `${this.#page + 1} / ${this.#pages.length}` }),
      step("›", "media.nextPage", 1),
      h("span", { class: "tool-quiet", text: one.name || one.field }),
    );
  }

  #unknown(): HTMLElement {
    return h("p", { class: "item-unknown", text: this.context.t("tool.plain.noPreview") });
  }

  #written(
    field: { name: string; type: string },
    said: unknown,
    fields: number,
  ): HTMLElement | undefined {
    if (said === undefined || said === null || said === "") return undefined;
    const head = fields > 1 && h("h3", { class: "item-name", text: field.name });
    if (field.type === "text") {
      const text = h("p", { class: "item-text", dir: "auto", text: String(said) });
      return h("section", { class: "item-field" }, head, text);
    }
    if (field.type === "conversation" && Array.isArray(said)) {
      return h(
        "section",
        { class: "item-field" },
        head,
        ...said.map((one) => messageOf(one, this.context)),
      );
    }
    if (field.type === "candidates" && Array.isArray(said)) {
      const texts = said.flatMap((one) =>
        typeof one?.text === "string" ? [one.text as string] : [],
      );
      return h(
        "section",
        { class: "item-field" },
        head,
        ...texts.map((one) => h("blockquote", { class: "item-text", dir: "auto", text: one })),
      );
    }
    return undefined;
  }
}

function isSound(one: Media): boolean {
  return kindOf(one) === "audio";
}

/** One message of a conversation. */
export function messageOf(
  turn: { role?: unknown; content?: unknown },
  context: ToolContext,
): HTMLElement {
  const role = ["system", "user", "assistant", "tool"].find((one) => one === turn.role) ?? "user";
  return h(
    "article",
    { class: `message ${role}` },
    h("header", { class: "message-role", text: context.t(`tool.dialogue.roles.${role}`) }),
    prose(String(turn.content ?? "")),
  );
}
