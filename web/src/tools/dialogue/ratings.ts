/** Ratings by scales: a row of steps each, or a number where there are too many. */
import type { Scale } from "@/desk/schema";
import type { Rating } from "@/desk/value";
import { button, h, onTyped, say } from "../common/dom";
import type { Option, Question } from "./board";

const MOST_STEPS = 11;

export function stepsOf(scale: Scale): number[] {
  const step = scale.step || 1;
  const count = Math.floor((scale.max - scale.min) / step + 1e-9) + 1;
  if (count > MOST_STEPS || count < 1) return [];
  return Array.from({ length: count }, (_, place) => +(scale.min + place * step).toFixed(6));
}

export function ratingOf(
  ratings: readonly Rating[] | undefined,
  scale: string,
  subject: string | undefined,
): number | undefined {
  const found = ratings?.find(
    (one) => one.scale === scale && (one.subject ?? "") === (subject ?? ""),
  );
  return found ? (found.value ?? 0) : undefined;
}

/** With one rating set; the others stay as they are. */
export function rated(
  ratings: readonly Rating[] | undefined,
  scale: string,
  subject: string | undefined,
  value: number,
): Rating[] {
  const rating: Rating = { scale, value, ...(subject ? { subject } : {}) };
  const is = (one: Rating) => one.scale === scale && (one.subject ?? "") === (subject ?? "");
  const known = ratings ?? [];
  return known.some(is) ? known.map((one) => (is(one) ? rating : one)) : [...known, rating];
}

export interface RatingRow {
  element: HTMLElement;
  draw(value: number | undefined, active: boolean, editable: boolean): void;
}

export function ratingRow(scale: Scale, name: string, rate: (value: number) => void): RatingRow {
  const steps = stepsOf(scale);
  const label = h("span", { class: "rating-name", dir: "auto", text: scale.name });
  const element = h(
    "div",
    { class: "rating", role: steps.length > 0 ? "radiogroup" : "group" },
    label,
  );
  element.setAttribute("aria-label", name);
  if (steps.length === 0) return numberRow(scale, element, name, rate);
  const buttons = steps.map((step) =>
    button(String(step), () => rate(step), {
      class: "tool-button rating-step num",
      role: "radio",
      "aria-label": `${name}: ${step}`,
    }),
  );
  element.append(h("span", { class: "rating-steps" }, ...buttons));
  return {
    element,
    draw: (value, active, editable) => {
      element.classList.toggle("asked", active);
      buttons.forEach((one, place) => {
        one.setAttribute("aria-checked", String(steps[place] === value));
        one.disabled = !editable;
      });
    },
  };
}

function numberRow(
  scale: Scale,
  element: HTMLElement,
  name: string,
  rate: (value: number) => void,
): RatingRow {
  const { min, max, step } = scale;
  const input = h("input", {
    class: "tool-input rating-number num",
    type: "number",
    min,
    max,
    step: step || "any",
  });
  input.setAttribute("aria-label", `${name}, ${min}–${max}`);
  input.placeholder = `${min}–${max}`;
  onTyped(input, (text) => {
    if (text.trim() !== "" && Number.isFinite(Number(text))) rate(Number(text));
  });
  element.append(input);
  return {
    element,
    draw: (value, active, editable) => {
      element.classList.toggle("asked", active);
      input.readOnly = !editable;
      if (value === undefined) say(input, "");
      else if (Number(input.value) !== value || input.value === "") say(input, String(value));
    },
  };
}

/** A question for the keys: digits are values where they are on the scale, else steps in order. */
export function ratingQuestion(
  id: string,
  scale: Scale,
  name: string,
  value: number | undefined,
  rate: (value: number) => void,
): Question {
  const steps = stepsOf(scale);
  const options = steps.flatMap((step, place): Option[] => {
    const key = digitOf(steps, step, place);
    return key ? [{ key, title: `${name} · ${step}`, run: () => rate(step) }] : [];
  });
  return { id, options, answered: value !== undefined, goesOn: true };
}

function digitOf(steps: readonly number[], step: number, place: number): string {
  const plain = steps.every((one) => Number.isInteger(one) && one >= 0 && one <= 9);
  if (plain) return String(step);
  if (steps.at(-1) === 10 && step === 10) return steps.includes(0) ? "" : "0";
  if (steps.every((one) => Number.isInteger(one) && one >= 0 && one <= 10)) return String(step);
  return place < 9 ? String(place + 1) : place === 9 ? "0" : "";
}
