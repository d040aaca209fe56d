/** Objects as rows of fields; only the rows in sight are there. */
import { button, h, onTyped, say } from "../common/dom";
import type { ToolContext } from "../contract";
import type { Column } from "./columns";
import type { Entry } from "./shapes";

const ROW = 42;
const SPARE = 4;
/** Pixels: the least width of columns, of what stands beside them, and between them. */
const NARROW = 84;
const WIDE = 200;
const EDGE = 36;
const GAP = 4;
const NO_LAYOUT = 600;

export interface TableOptions {
  context: ToolContext;
  set(row: number, column: Column, said: string): void;
  remove(row: number): void;
  take(row: number): void;
}

interface Cell {
  column: Column;
  field: HTMLInputElement | HTMLSelectElement;
}

export class Table {
  readonly element: HTMLElement;
  #head = h("div", { class: "plain-head", role: "row" });
  #body = h("div", { class: "plain-rows", role: "rowgroup" });
  #none: HTMLElement;
  #columns: readonly Column[] = [];
  #entries: readonly Entry[] = [];
  #editable = false;
  #active: number | undefined;
  #drawn = "";
  #rows: { row: number; element: HTMLElement; cells: Cell[] }[] = [];

  constructor(private readonly options: TableOptions) {
    this.#none = h("p", { class: "tool-quiet plain-none", text: options.context.t("plain.none") });
    this.element = h(
      "div",
      { class: "plain-table", role: "table" },
      this.#head,
      this.#none,
      this.#body,
    );
    this.element.addEventListener("scroll", () => this.#window());
  }

  setColumns(columns: readonly Column[]): void {
    this.#columns = columns;
    this.#drawn = "";
    this.element.scrollTop = 0;
    const least = columns.map((one) => (one.wide ? WIDE : NARROW));
    const widths = columns.map((one, place) => `minmax(${least[place]}px, ${one.wide ? 4 : 1}fr)`);
    const all = least.reduce((sum, one) => sum + one + GAP, 2 * EDGE + 4 * GAP);
    this.element.style.setProperty("--columns", `${EDGE}px ${widths.join(" ")} ${EDGE}px`);
    this.element.style.setProperty("--width", `${all}px`);
    this.#head.replaceChildren(
      h("span", { role: "columnheader", text: "#" }),
      ...columns.map((one) =>
        h("span", { role: "columnheader", title: one.title, text: one.title }),
      ),
      h("span", { role: "columnheader", text: "✕" }),
    );
  }

  draw(entries: readonly Entry[], editable: boolean, active: number | undefined): void {
    this.#entries = entries;
    this.#editable = editable;
    this.#active = active;
    this.#none.hidden = entries.length > 0;
    this.#window();
  }

  reveal(row: number): void {
    const top = row * ROW;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + 2 * ROW > scrollTop + clientHeight)
      this.element.scrollTop = top + 2 * ROW - clientHeight;
  }

  #window(): void {
    const height = this.element.clientHeight || NO_LAYOUT;
    const from = Math.max(0, Math.floor(this.element.scrollTop / ROW) - SPARE);
    const to = Math.min(
      this.#entries.length,
      Math.ceil((this.element.scrollTop + height) / ROW) + SPARE,
    );
    const now = `${from}-${to}-${this.#editable}`;
    this.#body.style.height = `${this.#entries.length * ROW}px`;
    if (now !== this.#drawn) {
      this.#drawn = now;
      this.#rows = Array.from({ length: to - from }, (_, place) => this.#row(from + place));
      this.#body.replaceChildren(...this.#rows.map((one) => one.element));
    }
    for (const { row, element, cells } of this.#rows) {
      const entry = this.#entries[row];
      element.classList.toggle("active", row === this.#active);
      if (entry) for (const cell of cells) fill(cell, entry);
    }
  }

  #row(row: number): { row: number; element: HTMLElement; cells: Cell[] } {
    const { context, remove, take } = this.options;
    const cells = this.#columns.map((column) => this.#cell(row, column));
    const gone = button("✕", () => remove(row), {
      class: "tool-button quiet",
      title: context.t("plain.remove"),
      "aria-label": context.t("plain.remove"),
    });
    gone.disabled = !this.#editable;
    const element = h(
      "div",
      {
        class: "plain-row",
        role: "row",
        style: `top:${row * ROW}px`,
        on: { focusin: () => take(row), click: () => take(row) },
      },
      h("span", { class: "tool-quiet num", role: "cell", text: String(row + 1) }),
      ...cells.map((one) => h("span", { role: "cell" }, one.field)),
      h("span", { role: "cell" }, gone),
    );
    return { row, element, cells };
  }

  #cell(row: number, column: Column): Cell {
    const { context, set } = this.options;
    const label = `${column.title} ${row + 1}`;
    if (column.kind === "choice" || column.kind === "boolean") {
      const choices = column.choices ?? ["true", "false"];
      const titles = column.id === "class" ? choices.map(context.titleOf) : choices;
      const field = h(
        "select",
        {
          class: "tool-input",
          "aria-label": label,
          on: { change: () => set(row, column, field.value) },
        },
        ...(column.id === "class" ? [] : [h("option", { value: "", text: "–" })]),
        ...choices.map((one, place) => h("option", { value: one, text: titles[place]! })),
      );
      field.disabled = !this.#editable;
      return { column, field };
    }
    const numeric = column.kind === "number";
    const field = h("input", {
      class: `tool-input${numeric ? " num" : ""}`,
      type: numeric ? "number" : "text",
      step: numeric ? "any" : undefined,
      dir: "auto",
      "aria-label": label,
    });
    field.readOnly = !this.#editable;
    onTyped(field, (text) => {
      if (!numeric || text.trim() !== "") set(row, column, text);
    });
    return { column, field };
  }
}

function fill({ column, field }: Cell, entry: Entry): void {
  const said = column.get(entry);
  if (field instanceof HTMLSelectElement) {
    // A value the template does not know stays to be seen.
    if (said !== "" && ![...field.options].some((one) => one.value === said)) {
      field.append(h("option", { value: said, text: said }));
    }
    field.value = said;
  } else if (
    column.kind !== "number" ||
    Number(field.value) !== Number(said) ||
    field.value === ""
  ) {
    if (column.kind !== "number" || document.activeElement !== field) say(field, said);
  }
}
