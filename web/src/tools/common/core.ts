/** What tools of one value share: the log of changes, who listens, and whether one may change. */
import type { Command, Mode, ToolInstance } from "../contract";
import { Emitter } from "./emitter";
import { Log } from "./log";

/** Keys in a row that are one step of undo, in milliseconds. */
const TYPED_MS = 1_000;

type Shared = Pick<ToolInstance, "onChange" | "onSelect" | "undo" | "redo" | "canUndo" | "canRedo">;

export class Core<State> {
  readonly selected = new Emitter();
  mode: Mode = "readonly";
  #log: Log<State>;
  #typed = { where: "", time: 0 };

  constructor(
    start: State,
    /** Draws the state anew: after each change, undo and redo. */
    draw: () => void,
  ) {
    this.#log = new Log(start);
    this.#log.onChange(draw);
  }

  get state(): State {
    return this.#log.state;
  }

  get editable(): boolean {
    return this.mode !== "readonly";
  }

  load(state: State, mode: Mode): void {
    this.mode = mode;
    this.#typed.where = "";
    this.#log.reset(state);
  }

  /** One step of undo. */
  change(next: State): void {
    if (!this.editable) return;
    this.#typed.where = "";
    this.#log.change(next);
  }

  /** A stroke of keys: strokes at one place, one after the other, are one step. */
  type(where: string, next: State): void {
    if (!this.editable) return;
    const now = performance.now();
    const joined = this.#typed.where === where && now - this.#typed.time < TYPED_MS;
    this.#typed = { where, time: now };
    this.#log.change(next, joined);
  }

  shared(): Shared {
    const log = this.#log;
    const back = (run: () => void) => () => {
      this.#typed.where = "";
      if (this.editable) run();
    };
    return {
      onChange: (listener) => log.onChange(listener),
      onSelect: (listener) => this.selected.on(listener),
      undo: back(() => log.undo()),
      redo: back(() => log.redo()),
      canUndo: () => this.editable && log.canUndo,
      canRedo: () => this.editable && log.canRedo,
    };
  }

  commands(): Command[] {
    const { undo, redo, canUndo, canRedo } = this.shared();
    return [
      { id: "undo", title: "tool.undo", keys: ["Ctrl+Z"], run: undo, enabled: canUndo },
      {
        id: "redo",
        title: "tool.redo",
        keys: ["Ctrl+Shift+Z", "Ctrl+Y"],
        run: redo,
        enabled: canRedo,
      },
    ];
  }
}
