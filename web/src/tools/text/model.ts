/** Spans and relations as they are worked on, and as the API has them. Places are code points. */
import type { Relation, Span, Value } from "@/desk/value";
import type { Mode, ObjectState, ToolTask } from "../contract";

export interface Mark {
  /** Names it here, whether or not it has an id. */
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly class: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly state: ObjectState;
  readonly score?: number;
  readonly source?: string;
  readonly id?: string;
}

export interface Link {
  readonly key: string;
  readonly class: string;
  /** Keys of marks; an id that no mark has is kept as it is. */
  readonly head: string;
  readonly tail: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly score?: number;
}

export interface State {
  readonly marks: readonly Mark[];
  readonly links: readonly Link[];
}

export const NOTHING: State = { marks: [], links: [] };

let made = 0;
export function newKey(kind: "m" | "l"): string {
  made += 1;
  return `${kind}${made}`;
}

/** A draft, or what a model suggests where nothing has been made yet. */
export function begun(task: ToolTask, value: Value | undefined, mode: Mode): State {
  if (value?.spans) return stateOf(value, mode, undefined);
  const { prediction } = task;
  if (mode !== "edit" || !prediction?.value.spans) return NOTHING;
  return stateOf(prediction.value, mode, prediction.score);
}

/** `score`: the spans are a model's, with this score where they have none of their own. */
export function stateOf(value: Value, mode: Mode, score: number | undefined): State {
  const ids = new Map<string, string>();
  const marks = (value.spans?.spans ?? []).map((span): Mark => {
    const key = newKey("m");
    if (span.id) ids.set(span.id, key);
    return {
      key,
      start: span.start ?? 0,
      end: span.end,
      class: span.class,
      attributes: span.attributes ?? {},
      state: stateIn(span, mode, score !== undefined),
      ...(span.score || score ? { score: span.score || score } : {}),
      ...(span.source ? { source: span.source } : {}),
      ...(span.id ? { id: span.id } : {}),
    };
  });
  const links = (value.spans?.relations ?? []).map(
    (one): Link => ({
      key: newKey("l"),
      class: one.class,
      head: ids.get(one.head) ?? one.head,
      tail: ids.get(one.tail) ?? one.tail,
      attributes: one.attributes ?? {},
      ...(one.score ? { score: one.score } : {}),
    }),
  );
  return { marks, links };
}

function stateIn(span: Span, mode: Mode, predicted: boolean): ObjectState {
  if (span.source === "CONFIRMED") return "accepted";
  if (span.source === "HUMAN" && span.score) return "modified";
  const machine = predicted || span.source === "MACHINE" || (!span.source && Boolean(span.score));
  return machine && mode === "edit" ? "suggested" : "own";
}

export function answerOf({ marks, links }: State): Value {
  const kept = marks.filter((one) => one.state !== "rejected");
  const idOf = new Map(marks.map((one) => [one.key, one.id ?? one.key]));
  const gone = new Set(marks.filter((one) => one.state === "rejected").map((one) => one.key));
  const relations = links
    .filter((one) => !gone.has(one.head) && !gone.has(one.tail))
    .map((one): Relation => {
      const head = idOf.get(one.head) ?? one.head;
      const tail = idOf.get(one.tail) ?? one.tail;
      return {
        class: one.class,
        head,
        tail,
        ...(hasAny(one.attributes) ? { attributes: { ...one.attributes } } : {}),
        ...(one.score ? { score: one.score } : {}),
      };
    });
  return {
    spans: { spans: kept.map(spanOf), ...(relations.length > 0 ? { relations } : {}) },
  };
}

function spanOf(mark: Mark): Span {
  return {
    ...(mark.start > 0 ? { start: mark.start } : {}),
    end: mark.end,
    class: mark.class,
    ...(hasAny(mark.attributes) ? { attributes: { ...mark.attributes } } : {}),
    ...(mark.score ? { score: mark.score } : {}),
    ...(sourceOf(mark) ? { source: sourceOf(mark)! } : {}),
    ...(mark.id ? { id: mark.id } : {}),
  };
}

function sourceOf(mark: Mark): string | undefined {
  if (mark.state === "suggested") return mark.source ?? "MACHINE";
  if (mark.state === "accepted") return "CONFIRMED";
  return mark.state === "modified" ? "HUMAN" : mark.source;
}

function hasAny(attributes: Readonly<Record<string, string>>): boolean {
  return Object.keys(attributes).length > 0;
}

// ---- changes; each gives a new state and shares what it did not touch

export function withMark(state: State, mark: Mark): State {
  const marks = [...state.marks, mark].sort(
    (one, other) => one.start - other.start || other.end - one.end,
  );
  return { ...state, marks };
}

/** An edit by a person: what a model suggested is modified by it. */
export function edited(state: State, key: string, change: Partial<Mark>): State {
  const marks = state.marks.map((one) => {
    if (one.key !== key) return one;
    const own: ObjectState = one.state === "own" ? "own" : "modified";
    return { ...one, state: own, ...change };
  });
  return { ...state, marks };
}

export function editedLink(state: State, key: string, change: Partial<Link>): State {
  return {
    ...state,
    links: state.links.map((one) => (one.key === key ? { ...one, ...change } : one)),
  };
}

/** Takes out a span with its relations, or a relation. */
export function without(state: State, key: string): State {
  return {
    marks: state.marks.filter((one) => one.key !== key),
    links: state.links.filter((one) => one.key !== key && one.head !== key && one.tail !== key),
  };
}

/** Joins two spans; both get an id where they have none. */
export function linked(state: State, link: Link): State {
  const ids = new Set(state.marks.map((one) => one.id));
  const named = state.marks.map((one) => {
    if (one.id || (one.key !== link.head && one.key !== link.tail)) return one;
    let number = 1;
    while (ids.has(`s${number}`)) number += 1;
    ids.add(`s${number}`);
    return { ...one, id: `s${number}` };
  });
  return { marks: named, links: [...state.links, link] };
}
