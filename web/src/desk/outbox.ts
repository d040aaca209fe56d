/**
 * Answers on their way. They are written on the device first, shown as sent, and sent in order;
 * what only failed for a while is tried again, what the server refuses comes back to the person.
 */
import { ApiError, newKey } from "@/api/client";
import { Emitter } from "@/tools/common/emitter";
import * as calls from "./calls";
import { dropDraft, dropWaiting, keepWaiting, type Waiting, waiting } from "./local";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export class Outbox {
  readonly changed = new Emitter();
  #queue: Waiting[] = [];
  #sending = false;
  #pause = FIRST_PAUSE_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(
    private readonly person: string,
    /** The server did not take it: why. */
    private readonly refused: (one: Waiting, error: ApiError) => void,
    private readonly accepted: (one: Waiting, answer: unknown) => void,
  ) {
    window.addEventListener("online", this.#soon);
  }

  /** What an earlier page of this person did not get rid of. */
  async start(): Promise<void> {
    this.#queue = [...(await waiting(this.person)), ...this.#queue];
    this.changed.emit();
    void this.#send();
  }

  stop(): void {
    this.#stopped = true;
    window.removeEventListener("online", this.#soon);
    clearTimeout(this.#timer);
  }

  get count(): number {
    return this.#queue.length;
  }

  has(assignment: string): boolean {
    return this.#queue.some((one) => one.name === assignment);
  }

  async put(one: Omit<Waiting, "key" | "time" | "person">): Promise<void> {
    const entry: Waiting = { ...one, key: newKey(), person: this.person, time: Date.now() };
    await keepWaiting(entry);
    this.#queue.push(entry);
    this.changed.emit();
    void this.#send();
  }

  #soon = () => {
    this.#pause = FIRST_PAUSE_MS;
    void this.#send();
  };

  async #send(): Promise<void> {
    if (this.#sending || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#sending = true;
    try {
      while (this.#queue.length > 0 && !this.#stopped) {
        if (!(await this.#sendFirst(this.#queue[0]!))) break;
      }
    } finally {
      this.#sending = false;
    }
  }

  /** True where the next one may go. */
  async #sendFirst(one: Waiting): Promise<boolean> {
    try {
      const answer = await send(one);
      await this.#done(one);
      await dropDraft(one.name);
      this.accepted(one, answer);
      this.#pause = FIRST_PAUSE_MS;
      return true;
    } catch (error) {
      const known = error instanceof ApiError ? error : new ApiError(0, String(error));
      // Signed out: it goes once somebody has signed in again.
      if (known.passing || known.status === 401) {
        this.#timer = setTimeout(() => void this.#send(), this.#pause);
        this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
        return false;
      }
      await this.#done(one);
      this.refused(one, known);
      return true;
    }
  }

  async #done(one: Waiting): Promise<void> {
    await dropWaiting(one.key);
    this.#queue = this.#queue.filter((other) => other.key !== one.key);
    this.changed.emit();
  }
}

function send(one: Waiting): Promise<unknown> {
  if (one.verdict) {
    return calls.review(one.name, one.key, {
      fencing_token: one.token,
      verdict: one.verdict.verdict,
      comment: one.verdict.comment,
      work_seconds: one.seconds,
      ...(one.verdict.verdict === "FIXED" ? { value: one.value } : {}),
    });
  }
  return calls.submit(one.name, one.key, {
    fencing_token: one.token,
    value: one.value,
    work_seconds: one.seconds,
    grace_seconds: one.grace,
  });
}
