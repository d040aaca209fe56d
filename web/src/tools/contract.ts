/**
 * What every labelling tool is to the page around it. A tool draws one kind of data and edits one
 * value; it knows nothing of the network, of React, of queues or of other tools. It stays mounted
 * between the tasks of one template: only `load` runs.
 *
 * Units are those of the API: source pixels after EXIF, seconds, frame index, metres and radians in
 * the named frame, text in Unicode code points.
 */
import type { LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";

export type Mode = "edit" | "review" | "readonly" | "blind";

/** A file of the item that a page can load; sizes only where they are known. */
export interface Media {
  field: string;
  url: string;
  type: string;
  name?: string;
  width?: number;
  height?: number;
  duration?: number;
}

/** What a tool gets to see of a task. */
export interface ToolTask {
  /** Name of the assignment or task: changes with the task, not with its value. */
  id: string;
  data: Record<string, unknown>;
  fields: readonly { name: string; type: string }[];
  media: readonly Media[];
  schema: LabelSchema;
  /** A model's prediction that may be shown; never set where the task is worked blind. */
  prediction?: { value: Value; score: number; model?: string };
  part?: string;
  element?: string;
  /** The labels this part stands on. */
  inputs?: Value;
}

/** How an object came to be, as the person sees it. */
export type ObjectState = "suggested" | "accepted" | "modified" | "rejected" | "own";

/** One row of the object list. */
export interface ObjectRow {
  id: string;
  class: string;
  attributes: Record<string, string>;
  score?: number;
  state: ObjectState;
  /** What stands beside the class: the quoted text, the size in pixels. */
  detail: string;
  hidden?: boolean;
}

/** A thing one can do: in the rail, in the list of keys, by its key. */
export interface Command {
  id: string;
  /** Key of the words, e.g. "tool.image.box". */
  title: string;
  /** As `KeyboardEvent.key`, with "Ctrl+", "Shift+", "Alt+" before it. */
  keys: readonly string[];
  run(): void;
  /** In the left rail, with this icon's name. */
  icon?: string;
  /** Is it the mode that is on? */
  active?(): boolean;
  enabled?(): boolean;
}

/** One fault of a value, at one of its objects where it is one's. */
export interface Fault {
  field: string;
  message: string;
  object?: string;
}

export interface ToolContext {
  /** The words of the page: `t("tool.image.box")`. */
  t(key: string, values?: Record<string, unknown>): string;
  locale(): "en" | "zh";
  /** Class titles and colours of the template, or of the page where it names none. */
  colorOf(name: string): string;
  titleOf(name: string): string;
  /** Asks a model or an algorithm; rejects with a message for people. */
  assist?(request: {
    capability: string;
    value?: Value;
    element?: string;
    points?: readonly { x: number; y: number; positive: boolean }[];
    box?: { x: number; y: number; width: number; height: number };
  }): Promise<Value>;
  notify(message: string, kind?: "info" | "error"): void;
}

export interface ToolInstance {
  /** Shows a task with a value (draft, prediction or nothing yet). */
  load(task: ToolTask, value: Value | undefined, mode: Mode): void | Promise<void>;
  /** The value as it would be submitted. */
  value(): Value;
  /** Commands of the tool itself; asked for again after every change. */
  commands(): readonly Command[];
  /** Called after each change by the person, and after undo and redo; returns the way out. */
  onChange(listener: () => void): () => void;
  /** Called when what is selected, or the mode, has changed. */
  onSelect(listener: () => void): () => void;
  undo(): void;
  redo(): void;
  canUndo(): boolean;
  canRedo(): boolean;
  /** Objects, for the panel beside the stage; tools of one value per item have none. */
  objects?(): readonly ObjectRow[];
  selected?(): string | undefined;
  select?(id: string | undefined): void;
  setClass?(id: string | undefined, name: string): void;
  setAttributes?(id: string, attributes: Record<string, string>): void;
  remove?(id: string): void;
  toggleHidden?(id: string): void;
  setState?(id: string, state: ObjectState): void;
  /** Why it cannot be submitted yet, in the rules of the template: the same as the server's. */
  faults(): readonly Fault[];
  /** Values that are shown over the person's own, for comparison (review). */
  compare?(values: readonly { label: string; value: Value }[]): void;
  /** What the log of changes needs to go on after a reload. */
  destroy(): void;
}

export interface Tool {
  mount(element: HTMLElement, context: ToolContext): ToolInstance;
  /** Loads and decodes the media of a task while the person is at another. */
  prefetch(task: ToolTask): Promise<void>;
}
