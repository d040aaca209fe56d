/**
 * The command log of one task: undo and redo over immutable states. Each change is one step, also
 * where it touched many objects; states share what did not change.
 */
export class Log<State> {
  #past: State[] = [];
  #future: State[] = [];
  #now: State;
  #listeners = new Set<() => void>();

  constructor(now: State) {
    this.#now = now;
  }

  get state(): State {
    return this.#now;
  }

  /** Begins anew, without a history and without telling anybody. */
  reset(now: State): void {
    this.#past = [];
    this.#future = [];
    this.#now = now;
  }

  /** One step. A `joined` step replaces the last one: a drag is one change, not a hundred. */
  change(next: State, joined = false): void {
    if (next === this.#now) return;
    if (!joined) this.#past.push(this.#now);
    this.#future = [];
    this.#now = next;
    this.#tell();
  }

  undo(): void {
    const before = this.#past.pop();
    if (before === undefined) return;
    this.#future.push(this.#now);
    this.#now = before;
    this.#tell();
  }

  redo(): void {
    const after = this.#future.pop();
    if (after === undefined) return;
    this.#past.push(this.#now);
    this.#now = after;
    this.#tell();
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
