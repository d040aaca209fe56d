/** Elements of tools. Text goes in as text: what an item says is never markup here. */
type Child = Node | string | false | undefined;

export interface Props {
  class?: string;
  text?: string;
  on?: { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
  [attribute: string]: unknown;
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || name === "on") continue;
    if (name === "text") element.textContent = String(value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, listener] of Object.entries(props.on ?? {})) {
    element.addEventListener(name, listener as EventListener);
  }
  element.append(...children.filter((one): one is Node | string => Boolean(one)));
  return element;
}

/** A button that leaves the focus where it was: keys go on working after a click. */
export function button(text: string, run: () => void, props: Props = {}): HTMLButtonElement {
  return h("button", {
    type: "button",
    text,
    ...props,
    on: { mousedown: (event) => event.preventDefault(), click: run, ...props.on },
  });
}

/** How a key is shown beside what it does. */
export function kbd(key: string | undefined): HTMLElement | undefined {
  if (!key) return undefined;
  return h("kbd", { class: "tool-key", "aria-hidden": "true", text: key.replace("Shift+", "⇧") });
}

/** A class's colour. Set as a colour and nothing else, whatever a template calls one. */
export function swatch(color: string): HTMLElement {
  const dot = h("span", { class: "class-dot" });
  dot.style.backgroundColor = color;
  return dot;
}

/** Sets what a field says, and leaves the caret alone where it says so already. */
export function say(field: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  if (field.value !== text) field.value = text;
}

/** Tells what was typed; not while an input method still composes it. */
export function onTyped(
  field: HTMLInputElement | HTMLTextAreaElement,
  heard: (text: string) => void,
): void {
  field.addEventListener("input", (event) => {
    if (!(event as InputEvent).isComposing) heard(field.value);
  });
  field.addEventListener("compositionend", () => heard(field.value));
}

/** Puts the caret into a field, unless the person is at something else on the page. */
export function takeCaret(field: HTMLElement | undefined, root: HTMLElement): void {
  const { activeElement } = document;
  const free = !activeElement || activeElement === document.body || root.contains(activeElement);
  if (field && free) field.focus({ preventScroll: true });
}
