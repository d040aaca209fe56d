/** What the boards of this tool are to it. */
import type { Value } from "@/desk/value";
import type { Command, Fault, Mode, ToolTask } from "../contract";

export interface Board {
  element: HTMLElement;
  /** What the work begins with where there is neither a draft nor a suggestion. */
  beginning(task: ToolTask): Value;
  load(task: ToolTask, mode: Mode): void | Promise<void>;
  draw(): void;
  value(): Value;
  faults(): Fault[];
  commands(): Command[];
  /** The main text of a value, and what else it says: for comparing. */
  text(value: Value): string;
  facts(value: Value): string[];
  /** Where one writes. */
  field: HTMLElement;
  destroy(): void;
}
