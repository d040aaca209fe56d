/** A list of classes that stays quick with thousands: only the rows in sight are there. */
import "./classlist.css";
import { classesOf, type LabelSchema } from "@/desk/schema";
import type { ToolContext } from "../contract";
import { classKeys } from "./classkeys";
import { h, kbd, swatch } from "./dom";
import { type ClassRow, classRows, search } from "./tree";

const ROW = 36;
const SPARE = 6;
/** Below this many all are in sight, and a field to search them is in the way. */
const SEARCHED = 10;
const NO_LAYOUT = 600;
let lists = 0;

export interface RowLook {
  on: boolean;
  suggested?: boolean;
  score?: number;
  /** Who else chose it. */
  marks?: readonly string[];
}

export interface ClassListOptions {
  context: ToolContext;
  label: string;
  look(name: string): RowLook;
  pick(name: string): void;
  /** Left with Escape. */
  leave?(): void;
}

export class ClassList {
  readonly element: HTMLElement;
  #options: ClassListOptions;
  #rows: ClassRow[] = [];
  #shown: ClassRow[] = [];
  #keys = new Map<string, string>();
  #active = 0;
  #multiple = false;
  #id = `classes-${++lists}`;
  #input: HTMLInputElement;
  #box: HTMLElement;
  #inner: HTMLElement;
  #about: HTMLElement;
  #resized: ResizeObserver | undefined;

  constructor(options: ClassListOptions) {
    this.#options = options;
    const { context } = options;
    this.#input = h("input", {
      class: "tool-input class-search",
      type: "search",
      placeholder: `${context.t("work.searchLabels")}  /`,
      "aria-label": context.t("work.searchLabels"),
      "aria-controls": this.#id,
      on: { input: () => this.#search(), keydown: (event) => this.#onKey(event, true) },
    });
    this.#inner = h("div", { class: "class-rows", role: "presentation" });
    this.#box = h(
      "div",
      {
        class: "class-list",
        id: this.#id,
        role: "listbox",
        tabindex: 0,
        "aria-label": options.label,
        on: {
          scroll: () => this.refresh(),
          click: (event) => this.#onClick(event),
          keydown: (event) => this.#onKey(event, false),
        },
      },
      this.#inner,
    );
    this.#about = h("p", { class: "class-about", tabindex: 0 });
    this.element = h("div", { class: "class-pane" }, this.#input, this.#box, this.#about);
    if (typeof ResizeObserver !== "undefined") {
      this.#resized = new ResizeObserver(() => this.refresh());
      this.#resized.observe(this.#box);
    }
  }

  setClasses(schema: LabelSchema, multiple: boolean): void {
    this.#multiple = multiple;
    this.#box.setAttribute("aria-multiselectable", String(multiple));
    const { context } = this.#options;
    const classes = classesOf(schema);
    this.#keys = classKeys(classes);
    this.#rows = classRows(classes, context.titleOf);
    this.#input.hidden = this.#rows.length < SEARCHED;
    this.#about.hidden = this.#rows.every((row) => !row.description);
    this.clear();
  }

  /** Nothing searched, at the top. */
  clear(): void {
    this.#input.value = "";
    this.#search();
  }

  focusSearch(): void {
    if (this.#input.hidden) this.#box.focus();
    else {
      this.#input.focus();
      this.#input.select();
    }
  }

  /** Brings a class into sight. */
  reveal(name: string): void {
    const place = this.#shown.findIndex((row) => row.name === name);
    if (place >= 0) this.#moveTo(place);
  }

  refresh(): void {
    const height = this.#box.clientHeight || NO_LAYOUT;
    const from = Math.max(0, Math.floor(this.#box.scrollTop / ROW) - SPARE);
    const to = Math.min(
      this.#shown.length,
      Math.ceil((this.#box.scrollTop + height) / ROW) + SPARE,
    );
    this.#inner.style.height = `${this.#shown.length * ROW}px`;
    this.#inner.replaceChildren(
      ...this.#shown.slice(from, to).map((row, place) => this.#row(row, from + place)),
    );
    const active = this.#shown[this.#active];
    const here = active ? `${this.#id}-${this.#active}` : "";
    this.#box.setAttribute("aria-activedescendant", here);
    this.#input.setAttribute("aria-activedescendant", here);
    this.#about.textContent = active?.description ?? "";
  }

  destroy(): void {
    this.#resized?.disconnect();
    this.element.remove();
  }

  #row(row: ClassRow, place: number): HTMLElement {
    const { context, look } = this.#options;
    const searched = this.#input.value !== "";
    const title = searched && row.path ? `${row.path} / ${row.title}` : row.title;
    const depth = searched ? 0 : row.depth;
    const style = `top:${place * ROW}px;padding-left:calc(var(--s2) + ${depth * 16}px)`;
    if (row.heading) {
      return h("div", { class: "class-row heading", role: "presentation", style, text: title });
    }
    const { on, suggested, score, marks } = look(row.name);
    const state = `${on ? " on" : ""}${suggested ? " suggested" : ""}`;
    return h(
      "div",
      {
        class: `class-row${state}${place === this.#active ? " active" : ""}`,
        id: `${this.#id}-${place}`,
        role: "option",
        "aria-selected": String(on),
        "aria-setsize": this.#shown.length,
        "aria-posinset": place + 1,
        "data-place": place,
        title: row.description || undefined,
        style,
      },
      h("span", { class: "class-check", "aria-hidden": "true", text: on ? "✓" : "" }),
      swatch(context.colorOf(row.name)),
      h("span", { class: "class-title", dir: "auto", text: title }),
      ...(marks ?? []).map((mark) =>
        h("span", { class: "class-mark", title: mark, text: short(mark) }),
      ),
      score !== undefined && h("span", { class: "class-score num", text: score.toFixed(2) }),
      kbd(this.#keys.get(row.name)),
    );
  }

  #search(): void {
    this.#shown = search(this.#rows, this.#input.value);
    this.#active = Math.max(
      0,
      this.#shown.findIndex((row) => !row.heading),
    );
    this.#box.scrollTop = 0;
    this.refresh();
  }

  #onClick(event: MouseEvent): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-place]");
    if (!row) return;
    this.#active = Number(row.dataset.place);
    this.#pick();
  }

  #onKey(event: KeyboardEvent, inSearch: boolean): void {
    if (event.isComposing || event.keyCode === 229) return;
    const { key } = event;
    if (key === "ArrowDown") this.#move(1);
    else if (key === "ArrowUp") this.#move(-1);
    else if (key === "PageDown") this.#move(10);
    else if (key === "PageUp") this.#move(-10);
    else if (key === "Enter" && inSearch && !event.ctrlKey && !event.metaKey) this.#pickSearched();
    else if (key === " " && !inSearch) this.#pick();
    else if (key === "Escape") this.#leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #pickSearched(): void {
    const chosen = this.#shown[this.#active];
    this.#pick();
    if (this.#multiple) this.#input.select();
    else this.#leave();
    if (chosen && !this.#multiple) this.reveal(chosen.name);
  }

  #leave(): void {
    this.clear();
    (document.activeElement as HTMLElement | null)?.blur();
    this.#options.leave?.();
  }

  #pick(): void {
    const row = this.#shown[this.#active];
    if (row && !row.heading) this.#options.pick(row.name);
    this.refresh();
  }

  #move(by: number): void {
    let place = this.#active;
    const step = Math.sign(by);
    for (let left = Math.abs(by); left > 0; left -= 1) {
      let next = place + step;
      while (this.#shown[next]?.heading) next += step;
      if (!this.#shown[next]) break;
      place = next;
    }
    this.#moveTo(place);
  }

  #moveTo(place: number): void {
    this.#active = place;
    const top = place * ROW;
    const height = this.#box.clientHeight || NO_LAYOUT;
    if (top < this.#box.scrollTop) this.#box.scrollTop = top;
    else if (top + ROW > this.#box.scrollTop + height) this.#box.scrollTop = top + ROW - height;
    this.refresh();
  }
}

/** "Answer 2" is "2" where there is little room. */
function short(label: string): string {
  return /\d+/.exec(label)?.[0] ?? [...label][0] ?? "";
}
