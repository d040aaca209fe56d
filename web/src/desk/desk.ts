/**
 * What stands between a person's screen and the API in one project: the task in hand, the tasks
 * claimed ahead, drafts, and answers on their way. No pixels, no React.
 */
import { ApiError } from "@/api/client";
import { idOf } from "@/api/names";
import type { Assignment } from "@/api/types";
import { Emitter } from "@/tools/common/emitter";
import * as calls from "./calls";
import { draftOf, dropDraft, keepDraft, type Waiting } from "./local";
import { Outbox } from "./outbox";
import { ActiveTimer } from "./timer";
import type { Value } from "./value";

export type Lane = "work" | "review";
export type Saved = "clean" | "here" | "saving" | "stored" | "conflict" | "lost";

/** A task on the screen, with what is known of it here. */
export interface InHand {
  assignment: Assignment;
  /** What to begin with: the newer of this device's and the server's draft. */
  start: Value | undefined;
  /** The server did not take the last answer. */
  refusal?: ApiError;
  /** This is the person's second look, after a hint of the check. */
  secondLook: boolean;
}

export interface DeskState {
  hand: InHand | undefined;
  /** Nothing to do, as of the last claim. */
  empty: boolean;
  saved: Saved;
  waiting: number;
  submitted: number;
  recent: readonly Waiting[];
  error: unknown;
}

const DEPTH = 3;
const LOCAL_MS = 300;
const IDLE_MS = 3_000;
const ASK_AGAIN_MS = 4_000;
const RECENT = 10;
export const GRACE_SECONDS = 120;

export class Desk {
  readonly changed = new Emitter();
  readonly timer = new ActiveTimer();
  #queue: Assignment[] = [];
  #back: InHand[] = [];
  #state: DeskState = {
    hand: undefined,
    empty: false,
    saved: "clean",
    waiting: 0,
    submitted: 0,
    recent: [],
    error: undefined,
  };
  #outbox: Outbox;
  #value: (() => Value) | undefined;
  #revision = 0;
  #local: ReturnType<typeof setTimeout> | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #claiming: Promise<void> | undefined;
  #stopped = false;

  constructor(
    readonly project: string,
    readonly lane: Lane,
    private readonly person: string,
    /** A task that comes next: its media can be loaded. */
    private readonly prefetch: (assignment: Assignment) => void,
  ) {
    this.#outbox = new Outbox(person, this.#refused, this.#accepted);
    this.#outbox.changed.on(() => this.#set({ waiting: this.#outbox.count }));
  }

  get state(): DeskState {
    return this.#state;
  }

  async start(): Promise<void> {
    document.addEventListener("visibilitychange", this.#onHide);
    await this.#outbox.start();
    try {
      await this.#resume();
    } catch (error) {
      this.#set({ error });
      return;
    }
    await this.next();
  }

  /** Gives back what was claimed and never looked at. */
  stop(): void {
    this.#stopped = true;
    document.removeEventListener("visibilitychange", this.#onHide);
    for (const timer of [this.#local, this.#idle, this.#again]) clearTimeout(timer);
    void this.flush();
    for (const one of this.#queue) {
      if (!one.open_time) void calls.release(one.name, one.fencing_token).catch(() => {});
    }
    this.#outbox.stop();
  }

  /** Where the value on the screen is to be had from. */
  reads(value: (() => Value) | undefined): void {
    this.#value = value;
  }

  /** The person has changed something: kept here soon, on the server when they pause. */
  touched(): void {
    if (this.#state.saved === "lost" || this.#state.saved === "conflict") return;
    this.#set({ saved: "here" });
    clearTimeout(this.#local);
    clearTimeout(this.#idle);
    this.#local = setTimeout(() => void this.#keep(), LOCAL_MS);
    this.#idle = setTimeout(() => void this.#store(), IDLE_MS);
  }

  /** Kept on the device and, where it can be, on the server, now. */
  async flush(): Promise<void> {
    if (this.#state.saved !== "here") return;
    await this.#keep();
    await this.#store();
  }

  async submit(): Promise<void> {
    await this.#send(undefined);
  }

  async verdict(verdict: "APPROVED" | "REJECTED" | "FIXED", comment: string): Promise<void> {
    await this.#send({ verdict, comment });
  }

  async skip(reason: string): Promise<void> {
    await this.#leave((one) => calls.skip(one.name, one.fencing_token, reason));
  }

  async release(): Promise<void> {
    await this.#leave((one) => calls.release(one.name, one.fencing_token));
  }

  /** Takes back an answer that can still be taken back; the task in hand waits. */
  async reopen(one: Waiting): Promise<void> {
    if (this.#outbox.has(one.name)) throw new ApiError(409, "The answer is just being sent.");
    const again = await calls.reopen(one.name, one.token);
    this.#set({ recent: this.#state.recent.filter((other) => other.name !== one.name) });
    await this.#aside();
    await this.#show(again, undefined);
  }

  /** Of a draft that another tab has changed: mine or theirs. */
  async resolveConflict(mine: boolean): Promise<void> {
    const { hand } = this.#state;
    if (!hand) return;
    const now = (await calls.held(this.project)).find((one) => one.name === hand.assignment.name);
    if (!now) {
      this.#set({ saved: "lost" });
      return;
    }
    this.#revision = now.draft_revision ?? 0;
    if (mine) {
      this.#set({ saved: "here" });
      await this.flush();
      return;
    }
    await dropDraft(now.name);
    await this.#show(now, undefined);
  }

  /** The next task: what was refused comes first, then what was claimed ahead. */
  async next(): Promise<void> {
    clearTimeout(this.#again);
    this.#value = undefined;
    const back = this.#back.shift();
    if (back) {
      this.#revision = back.assignment.draft_revision ?? 0;
      this.#begin(back);
      return;
    }
    if (this.#queue.length === 0) {
      try {
        await this.#claim();
      } catch (error) {
        this.#set({ hand: undefined, error });
        return;
      }
    }
    const following = this.#queue.shift();
    if (!following) {
      this.#set({ hand: undefined, empty: true, saved: "clean", error: undefined });
      this.#again = setTimeout(() => void this.next(), ASK_AGAIN_MS);
      return;
    }
    await this.#show(following, undefined);
    void this.#claim().catch(() => {});
  }

  retry(): void {
    this.#set({ error: undefined });
    void this.next();
  }

  // ---- what is claimed

  /** What the person held already: opened tasks first, then those claimed ahead. */
  async #resume(): Promise<void> {
    const mine = (await calls.held(this.project)).filter(
      (one) => this.#ours(one) && !one.submit_time && !this.#outbox.has(one.name),
    );
    mine.sort((a, b) => Number(Boolean(b.open_time)) - Number(Boolean(a.open_time)));
    this.#queue = mine;
  }

  #ours(one: Assignment): boolean {
    const reviewing = one.stage === "REVIEW" || one.stage === "ADJUDICATION";
    return reviewing === (this.lane === "review");
  }

  #claim(): Promise<void> {
    this.#claiming ??= this.#claimMore().finally(() => {
      this.#claiming = undefined;
    });
    return this.#claiming;
  }

  async #claimMore(): Promise<void> {
    const lacking = DEPTH - this.#queue.length;
    if (lacking <= 0 || this.#stopped) return;
    const stage = this.lane === "review" ? "REVIEW" : undefined;
    const claimed = await calls.claim(this.project, lacking, stage);
    const inHand = this.#state.hand?.assignment.name;
    const known = new Set([inHand, ...this.#queue.map((one) => one.name)]);
    const fresh = claimed.filter((one) => !known.has(one.name));
    // A second look comes before anything new.
    this.#queue = [
      ...fresh.filter(isSecondLook),
      ...this.#queue,
      ...fresh.filter((one) => !isSecondLook(one)),
    ];
    for (const one of fresh) this.prefetch(one);
  }

  // ---- the task in hand

  async #show(assignment: Assignment, refusal: ApiError | undefined): Promise<void> {
    const kept = await draftOf(assignment.name, this.person);
    const draft = assignment.draft as Value | undefined;
    const newer = kept && (!kept.stored || kept.revision >= (assignment.draft_revision ?? 0));
    this.#revision = kept && newer ? kept.revision : (assignment.draft_revision ?? 0);
    this.timer.reset(kept?.seconds ?? 0);
    this.#begin({
      assignment,
      start: newer ? kept.value : draft,
      secondLook: isSecondLook(assignment),
      ...(refusal ? { refusal } : {}),
    });
    if (!assignment.open_time) void this.#open(assignment);
  }

  #begin(hand: InHand): void {
    this.#set({ hand, empty: false, saved: "clean", error: undefined });
  }

  async #open(assignment: Assignment): Promise<void> {
    try {
      const opened = await calls.open(assignment.name);
      Object.assign(assignment, { open_time: opened.open_time, expire_time: opened.expire_time });
    } catch (error) {
      if (this.#state.hand?.assignment !== assignment) return;
      if (error instanceof ApiError && !error.passing && error.status !== 401) this.#lose();
    }
  }

  /** Somebody else has it: what was made stays on the screen and on the device. */
  #lose(): void {
    this.#set({ saved: "lost" });
  }

  async #aside(): Promise<void> {
    await this.flush();
    const { hand } = this.#state;
    if (hand && this.#state.saved !== "lost") {
      const start = this.#value?.() ?? hand.start;
      this.#back.unshift({ ...hand, start });
    }
  }

  async #send(verdict: Waiting["verdict"]): Promise<void> {
    const { hand } = this.#state;
    const value = this.#value?.();
    if (!hand || value === undefined) return;
    this.#value = undefined; // Pressed twice: sent once.
    clearTimeout(this.#local);
    clearTimeout(this.#idle);
    const one = {
      name: hand.assignment.name,
      project: this.project,
      task: hand.assignment.task,
      token: hand.assignment.fencing_token,
      value,
      seconds: Math.round(this.timer.seconds * 10) / 10,
      grace: verdict ? 0 : GRACE_SECONDS,
      ...(verdict ? { verdict } : {}),
    };
    await this.#outbox.put(one);
    this.#set({ submitted: this.#state.submitted + 1 });
    await this.next();
  }

  async #leave(how: (assignment: Assignment) => Promise<unknown>): Promise<void> {
    const { hand } = this.#state;
    if (!hand) return;
    clearTimeout(this.#idle);
    try {
      await how(hand.assignment);
    } catch (error) {
      // It is gone anyway; anything else the person must hear of.
      if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 409))
        throw error;
    }
    await dropDraft(hand.assignment.name);
    await this.next();
  }

  // ---- drafts

  async #keep(): Promise<void> {
    const { hand } = this.#state;
    const value = this.#value?.();
    if (!hand || value === undefined) return;
    await keepDraft({
      name: hand.assignment.name,
      person: this.person,
      value,
      revision: this.#revision,
      seconds: this.timer.seconds,
      stored: false,
      changed: Date.now(),
    });
  }

  async #store(): Promise<void> {
    const { hand } = this.#state;
    const value = this.#value?.();
    if (!hand || value === undefined || this.#state.saved !== "here") return;
    const { assignment } = hand;
    this.#set({ saved: "saving" });
    try {
      const seconds = this.timer.seconds;
      const saved = await calls.saveDraft(
        assignment.name,
        assignment.fencing_token,
        value,
        this.#revision,
        seconds,
      );
      this.#revision = saved.draft_revision ?? this.#revision + 1;
      await this.#stored(assignment, value, seconds);
    } catch (error) {
      if (this.#state.hand?.assignment === assignment) this.#notStored(error);
    }
  }

  async #stored(assignment: Assignment, value: Value, seconds: number): Promise<void> {
    if (this.#state.hand?.assignment !== assignment) return;
    // Changed again meanwhile: the pause that follows stores it.
    if (this.#state.saved !== "saving") return;
    await keepDraft({
      name: assignment.name,
      person: this.person,
      value,
      revision: this.#revision,
      seconds,
      stored: true,
      changed: Date.now(),
    });
    this.#set({ saved: "stored" });
  }

  #notStored(error: unknown): void {
    const known = error instanceof ApiError ? error : undefined;
    if (!known || known.passing || known.status === 401) {
      this.#set({ saved: "here" });
      this.#idle = setTimeout(() => void this.#store(), ASK_AGAIN_MS);
      return;
    }
    if (known.status === 409 && /revision/.test(known.message)) this.#set({ saved: "conflict" });
    else if (known.status === 409 || known.status === 404) this.#lose();
    // An unfinished value may break rules that hold at submission only.
    else this.#set({ saved: "here" });
  }

  #onHide = () => {
    if (document.visibilityState === "hidden") void this.flush();
  };

  // ---- answers

  #accepted = (one: Waiting) => {
    if (one.project !== this.project) return;
    const others = this.#state.recent.filter((other) => other.name !== one.name);
    this.#set({ recent: [one, ...others].slice(0, RECENT) });
  };

  /** Back on top with its reason, and nothing lost. */
  #refused = (one: Waiting, refusal: ApiError) => {
    if (one.project !== this.project) return;
    const assignment: Assignment = {
      name: one.name,
      task: one.task,
      annotator: this.person,
      fencing_token: one.token,
      template: "",
      annotations: [],
      comment: "",
      part: "",
      element: "",
      assisted: false,
    };
    void this.#bringBack(assignment, one, refusal);
  };

  async #bringBack(bare: Assignment, one: Waiting, refusal: ApiError): Promise<void> {
    const mine = await calls.held(this.project).catch(() => [] as Assignment[]);
    const assignment = mine.find((other) => other.name === one.name) ?? bare;
    const lost = assignment === bare;
    if (lost) {
      this.#set({
        error: new ApiError(
          refusal.status,
          `${idOf(one.task)}: ${refusal.message}`,
          refusal.errors,
        ),
      });
      return;
    }
    this.#back.push({
      assignment,
      start: one.value,
      refusal,
      secondLook: isSecondLook(assignment),
    });
    if (!this.#state.hand) await this.next();
  }

  #set(change: Partial<DeskState>): void {
    this.#state = { ...this.#state, ...change };
    this.changed.emit();
  }
}

/** The check has sent an answer back to its author, with a hint. */
export function isSecondLook(assignment: Assignment): boolean {
  return (
    assignment.comment !== "" && Boolean(assignment.draft) && assignment.stage === "ANNOTATION"
  );
}
