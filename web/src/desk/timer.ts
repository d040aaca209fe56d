/**
 * Active time: the gaps between a person's inputs, up to 30 s each, while the page is visible and
 * has the focus. The server keeps the lease's times and compares.
 */
const LONGEST_GAP_MS = 30_000;

export class ActiveTimer {
  #seconds = 0;
  #last: number | undefined;

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly present: () => boolean = () =>
      document.visibilityState === "visible" && document.hasFocus(),
  ) {}

  /** Something was done. */
  touch(): void {
    const now = this.now();
    if (!this.present()) {
      this.#last = undefined;
      return;
    }
    if (this.#last !== undefined) {
      this.#seconds += Math.min(now - this.#last, LONGEST_GAP_MS) / 1000;
    }
    this.#last = now;
  }

  /** Seconds so far, with the gap that is open. */
  get seconds(): number {
    this.touch();
    return this.#seconds;
  }

  reset(seconds = 0): void {
    this.#seconds = seconds;
    this.#last = this.present() ? this.now() : undefined;
  }
}
