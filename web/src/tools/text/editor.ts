/** What can be done to the spans of a text, by mouse or keys alike; no pixels. */
import { classesOf, type LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";
import { CodePoints } from "../common/codepoints";
import { Core } from "../common/core";
import type { Mode, ObjectState, ToolContext, ToolTask } from "../contract";
import { joins, type RelationRule } from "./faults";
import {
  begun,
  edited,
  editedLink,
  type Link,
  linked,
  type Mark,
  NOTHING,
  newKey,
  type State,
  withMark,
  without,
} from "./model";
import { type Stretch, trim, unspaced, Words } from "./words";

export class Editor {
  readonly core: Core<State>;
  schema: LabelSchema = { shape: "spans" };
  text = new CodePoints("");
  selected: string | undefined;
  /** What is about to be marked, in UTF-16 units. */
  range: Stretch | undefined;
  /** The class that the mouse marks with. */
  active: string | undefined;
  /** The first end of the relation that is being drawn. */
  linking: string | undefined;
  whole = true;
  readonly hidden = new Set<string>();
  #words: Words | undefined;
  #anchor = 0;
  #focus = 0;

  constructor(
    readonly context: ToolContext,
    draw: () => void,
  ) {
    this.core = new Core<State>(NOTHING, () => {
      this.#forget();
      draw();
    });
  }

  load(task: ToolTask, text: string, value: Value | undefined, mode: Mode): void {
    const { schema } = task;
    if (schema !== this.schema) {
      const only = classesOf(schema);
      this.active = only.length === 1 ? only[0]!.name : undefined;
    }
    this.schema = schema;
    this.text = new CodePoints(text);
    this.#words = undefined;
    this.whole = !unspaced(text);
    this.selected = undefined;
    this.range = undefined;
    this.linking = undefined;
    this.hidden.clear();
    this.core.load(begun(task, value, mode), mode);
  }

  get state(): State {
    return this.core.state;
  }

  get rules(): readonly RelationRule[] {
    return this.schema.relations ?? [];
  }

  /** Marks that are there, in the order of the text. */
  get marks(): Mark[] {
    const there = this.state.marks.filter((one) => one.state !== "rejected");
    return there.sort((one, other) => one.start - other.start || other.end - one.end);
  }

  mark(key: string | undefined): Mark | undefined {
    return this.state.marks.find((one) => one.key === key);
  }

  link(key: string | undefined): Link | undefined {
    return this.state.links.find((one) => one.key === key);
  }

  units({ start, end }: { start: number; end: number }): Stretch {
    return { start: this.text.unit(start), end: this.text.unit(end) };
  }

  quote(mark: Mark): string {
    return this.text.slice(mark.start, mark.end);
  }

  /** Classes that a key or a click chooses now: relations while one is at hand. */
  palette(): LabelSchema {
    if (this.linking === undefined && !this.link(this.selected)) return this.schema;
    return { shape: "spans", classes: this.rules.map((one) => one.class) };
  }

  // ---- what is selected

  select(key: string | undefined): void {
    const { linking } = this;
    if (linking !== undefined && key !== undefined && this.mark(key)) {
      this.#join(linking, key);
      return;
    }
    this.selected = key;
    this.range = undefined;
    this.linking = undefined;
    this.core.selected.emit();
  }

  /** Goes to the next: of suggestions, least sure first; else in the order of the text. */
  walk(by: number): void {
    const { linking } = this;
    const open = this.#open();
    const list = linking === undefined && open.length > 0 ? open : this.marks;
    if (list.length === 0) return;
    const place = list.findIndex((one) => one.key === this.selected);
    const next = list[(place < 0 ? (by > 0 ? 0 : -1) : place + by + list.length) % list.length];
    this.selected = (next ?? list.at(-1)!).key;
    this.range = undefined;
    this.core.selected.emit();
  }

  /** Gives up what was begun last: a relation, a stretch, the selection, the class. */
  cancel(): void {
    if (this.linking !== undefined) this.linking = undefined;
    else if (this.range) this.range = undefined;
    else if (this.selected !== undefined) this.selected = undefined;
    else this.active = undefined;
    this.core.selected.emit();
  }

  // ---- stretches

  get words(): Words {
    this.#words ??= new Words(this.text.text);
    return this.#words;
  }

  snapped(stretch: Stretch, whole = this.whole): Stretch {
    return whole ? this.words.snap(stretch) : trim(this.text.text, stretch);
  }

  /** A stretch was drawn: marked at once where a class is on, else kept for the class to come. */
  drawn(stretch: Stretch, whole = this.whole): void {
    const { start, end } = this.snapped(stretch, whole);
    if (start >= end || !this.core.editable) return;
    this.range = { start, end };
    this.#anchor = this.#number(start);
    this.#focus = this.#number(end - 1);
    this.selected = undefined;
    this.linking = undefined;
    if (this.active === undefined) this.core.selected.emit();
    else this.#create(this.active);
  }

  /** By words, or characters, with the keys alone. */
  step(by: number, extend: boolean): void {
    const mark = this.mark(this.selected);
    if (extend && mark) {
      this.resize("end", by);
      return;
    }
    if (this.range) {
      this.#focus = this.#bounded(this.#focus + by);
      if (!extend) this.#anchor = this.#focus;
    } else {
      const from = mark ? this.units(mark) : { start: 0, end: 0 };
      const beside = by > 0 ? this.#number(from.end) : this.#number(from.start) - 1;
      this.#focus = this.#bounded(beside);
      this.#anchor = this.#focus;
    }
    this.#ranged();
  }

  /** Puts the stretch at the word of a place. */
  stepTo(unit: number): void {
    this.#focus = this.#bounded(this.#number(unit));
    this.#anchor = this.#focus;
    this.#ranged();
  }

  #ranged(): void {
    const first = this.#piece(Math.min(this.#anchor, this.#focus));
    const last = this.#piece(Math.max(this.#anchor, this.#focus));
    if (!first || !last) return;
    this.range = { start: first.start, end: last.end };
    this.selected = undefined;
    this.core.selected.emit();
  }

  /** Moves an end of the selected span by a word or a character. */
  resize(end: "start" | "end", by: number): void {
    const mark = this.mark(this.selected);
    if (!mark) return;
    const { start, end: last } = this.units(mark);
    const number = this.#number(end === "start" ? start : last - 1) + by;
    const piece = this.#piece(number);
    if (piece) this.drag(mark.key, end, end === "start" ? piece.start : piece.end);
  }

  /** Puts an end of a span at a unit; the other end stays. */
  drag(key: string, end: "start" | "end", unit: number): void {
    const mark = this.mark(key);
    if (!mark) return;
    const point = this.text.point(unit);
    const start = end === "start" ? point : mark.start;
    const last = end === "end" ? point : mark.end;
    if (start >= last || (start === mark.start && last === mark.end)) return;
    this.core.type(`resize:${key}`, edited(this.state, key, { start, end: last }));
  }

  #number(unit: number): number {
    return this.whole ? this.words.after(unit) : this.text.point(unit);
  }

  #piece(number: number): Stretch | undefined {
    if (this.whole) return this.words.all[number];
    if (number < 0 || number >= this.text.length) return undefined;
    return { start: this.text.unit(number), end: this.text.unit(number + 1) };
  }

  #bounded(number: number): number {
    const count = this.whole ? this.words.all.length : this.text.length;
    return Math.max(0, Math.min(count - 1, number));
  }

  // ---- changes

  /** A class was chosen: for what is selected, for what is drawn, or for what comes. */
  choose(name: string): void {
    if (!this.core.editable) return;
    if (this.link(this.selected)) this.setClass(this.selected, name);
    else if (this.mark(this.selected)) this.setClass(this.selected, name);
    else if (this.range) this.#create(name);
    else {
      this.active = this.active === name ? undefined : name;
      this.core.selected.emit();
    }
  }

  setClass(key: string | undefined, name: string): void {
    if (key === undefined) {
      this.choose(name);
      return;
    }
    const link = this.link(key);
    if (!link) {
      if (this.mark(key)?.class !== name)
        this.core.change(edited(this.state, key, { class: name }));
      return;
    }
    const rule = this.rules.find((one) => one.class === name);
    if (rule && joins(rule, this.mark(link.head), this.mark(link.tail))) {
      this.core.change(editedLink(this.state, key, { class: name }));
    } else this.#refuse(this.mark(link.head), this.mark(link.tail));
  }

  setAttributes(key: string, attributes: Record<string, string>): void {
    const change = { attributes };
    const next = this.link(key)
      ? editedLink(this.state, key, change)
      : edited(this.state, key, change);
    this.core.type(`attributes:${key}`, next);
  }

  setState(key: string, state: ObjectState): void {
    this.#settle((one) => one.key === key, state);
  }

  /** Yes or no to the suggestion at hand, and on to the next. */
  settle(state: "accepted" | "rejected"): void {
    const { selected } = this;
    const open = this.#open();
    const place = open.findIndex((one) => one.key === selected);
    if (place < 0) return;
    const next = open[place + 1] ?? open[place - 1];
    this.#settle((one) => one.key === selected, state);
    this.selected = next?.key ?? (state === "accepted" ? selected : undefined);
    this.core.selected.emit();
  }

  acceptAll(): void {
    this.#settle((one) => one.state === "suggested", "accepted");
  }

  #settle(which: (mark: Mark) => boolean, state: ObjectState): void {
    const marks = this.state.marks.map((one) => (which(one) ? { ...one, state } : one));
    this.core.change({ ...this.state, marks });
  }

  remove(key: string | undefined): void {
    if (key === undefined) return;
    const mark = this.mark(key);
    if (mark?.state === "suggested") this.#settle((one) => one === mark, "rejected");
    else this.core.change(without(this.state, key));
  }

  /** Begins a relation at the selected span, or ends it there. */
  relate(): void {
    const mark = this.mark(this.selected);
    if (!mark) return;
    if (this.linking === undefined || this.linking === mark.key) {
      this.linking = this.linking === undefined ? mark.key : undefined;
      this.core.selected.emit();
    } else this.#join(this.linking, mark.key);
  }

  #join(from: string, to: string): void {
    const [head, tail] = [this.mark(from), this.mark(to)];
    const rule = this.rules.find((one) => joins(one, head, tail));
    if (!rule) {
      this.#refuse(head, tail);
      return;
    }
    this.linking = undefined;
    const known = this.state.links.find(
      (one) => one.class === rule.class && one.head === from && one.tail === to,
    );
    const link: Link = known ?? {
      key: newKey("l"),
      class: rule.class,
      head: from,
      tail: to,
      attributes: {},
    };
    if (!known) this.core.change(linked(this.state, link));
    this.selected = link.key;
    this.core.selected.emit();
  }

  #refuse(head: Mark | undefined, tail: Mark | undefined): void {
    const { t, titleOf, notify } = this.context;
    const same = head !== undefined && head.key === tail?.key;
    const names = { head: titleOf(head?.class ?? ""), tail: titleOf(tail?.class ?? "") };
    notify(same ? t("spans.itself") : t("spans.noRelation", names), "error");
  }

  #create(name: string): void {
    const { range } = this;
    if (!range) return;
    const [start, end] = [this.text.point(range.start), this.text.point(range.end)];
    const same = (one: Mark) => one.start === start && one.end === end && one.class === name;
    const known = this.marks.find(same);
    const key = known?.key ?? newKey("m");
    if (!known) {
      const mark: Mark = { key, start, end, class: name, attributes: {}, state: "own" };
      this.core.change(withMark(this.state, mark));
    }
    this.range = undefined;
    this.selected = key;
    this.core.selected.emit();
  }

  #open(): Mark[] {
    const open = this.state.marks.filter((one) => one.state === "suggested");
    return open.sort((one, other) => (one.score ?? 0) - (other.score ?? 0));
  }

  /** Nothing that undo took away stays selected. */
  #forget(): void {
    const { selected, linking } = this;
    if (selected && !this.mark(selected) && !this.link(selected)) this.selected = undefined;
    if (linking && !this.mark(linking)) this.linking = undefined;
  }
}
