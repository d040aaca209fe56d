/** What the boards of this tool are to it, and the questions that keys answer one by one. */
import type { Value } from "@/desk/value";
import type { Command, Fault, Mode, ToolTask } from "../contract";

export interface Option {
  key: string;
  title: string;
  run(): void;
}

/** One thing to say: which is better, a rank, a rating. */
export interface Question {
  id: string;
  options: readonly Option[];
  answered: boolean;
  /** Goes on to the next by itself once it is answered. */
  goesOn: boolean;
}

export interface Board {
  element: HTMLElement;
  load(task: ToolTask, value: Value | undefined, mode: Mode): void | Promise<void>;
  draw(): void;
  value(): Value;
  faults(): Fault[];
  questions(): Question[];
  commands(): Command[];
  /** What a value says, by the name of each point: for comparing. */
  facts(value: Value): Map<string, string>;
  /** Where one writes first, if one does. */
  field?(): HTMLElement | undefined;
}

/** Which question the keys answer. */
export class Questions {
  active = "";

  constructor(private readonly told: () => void) {}

  walk(questions: readonly Question[], by: number): void {
    if (questions.length === 0) return;
    const place = questions.findIndex((one) => one.id === this.active);
    this.active = questions[(place + by + questions.length) % questions.length]!.id;
    this.told();
  }

  take(id: string): void {
    if (this.active === id) return;
    this.active = id;
    this.told();
  }

  commands(all: () => readonly Question[], can: () => boolean): Command[] {
    const questions = all();
    const now = questions.find((one) => one.id === this.active) ?? questions[0];
    const options = (now?.options ?? []).map((option) => ({
      id: `option:${option.key}`,
      title: option.title,
      keys: [option.key],
      run: () => {
        option.run();
        if (now?.goesOn) this.#onward(all(), now.id);
      },
      enabled: can,
    }));
    const walk = (by: number) => () => this.walk(all(), by);
    const several = () => all().length > 1;
    return [
      ...options,
      { id: "next", title: "dialogue.nextQuestion", keys: ["Tab"], run: walk(1), enabled: several },
      {
        id: "previous",
        title: "dialogue.previousQuestion",
        keys: ["Shift+Tab"],
        run: walk(-1),
        enabled: several,
      },
    ];
  }

  /** To the next question that is open, if one is. */
  #onward(questions: readonly Question[], from: string): void {
    const place = questions.findIndex((one) => one.id === from);
    const after = [...questions.slice(place + 1), ...questions.slice(0, place)];
    const next = after.find((one) => !one.answered);
    if (next) this.take(next.id);
  }
}
