/**
 * The one registry of keys. Contexts lie over one another (page, tool, dialog); the topmost that
 * knows a key gets it. `?` lists what is live.
 */
export interface KeyCommand {
  id: string;
  title: string;
  /** "Enter", "Ctrl+Z", "Shift+A", "1", " ". */
  keys: readonly string[];
  run(): void;
  enabled?(): boolean;
  /** Works in text fields, too. */
  inInputs?: boolean;
}

interface Context {
  name: string;
  commands: () => readonly KeyCommand[];
}

const contexts: Context[] = [];

/** Adds a context on top; returns the way out. */
export function pushKeys(name: string, commands: () => readonly KeyCommand[]): () => void {
  const context = { name, commands };
  contexts.push(context);
  return () => {
    const place = contexts.indexOf(context);
    if (place >= 0) contexts.splice(place, 1);
  };
}

/** What is live now, topmost first, for the map of keys. */
export function liveKeys(): { name: string; commands: readonly KeyCommand[] }[] {
  return [...contexts].reverse().map((one) => ({ name: one.name, commands: one.commands() }));
}

const IN_INPUTS = new Set(["Ctrl+Enter", "Escape"]);

/** The names an event goes by: what the key says first, then where it lies (other layouts). */
export function namesOf(event: KeyboardEvent): string[] {
  const modifiers = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}`;
  const letter = event.key.length === 1 && /[a-z]/i.test(event.key);
  const shift = event.shiftKey && (event.key.length > 1 || letter || /^Digit/.test(event.code));
  const named = (key: string) => `${modifiers}${shift ? "Shift+" : ""}${key}`;
  const names = [named(letter ? event.key.toUpperCase() : event.key)];
  if (/^Digit\d$/.test(event.code)) names.push(named(event.code.slice(5)));
  // Letters of layouts without Latin ones: the place of the key counts.
  if (/^Key[A-Z]$/.test(event.code) && !letter) names.push(named(event.code.slice(3)));
  return names;
}

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Buttons and links take Enter and Space themselves. */
function pressing(target: EventTarget | null, name: string): boolean {
  if (name !== "Enter" && name !== " ") return false;
  return target instanceof HTMLElement && target.closest("button, a[href], [role=option]") !== null;
}

export function handleKey(event: KeyboardEvent): void {
  // Input methods compose with these keys: they are the text's.
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  const names = namesOf(event);
  const inInput = typing(event.target);
  for (const context of [...contexts].reverse()) {
    for (const command of context.commands()) {
      const name = names.find((one) => command.keys.includes(one));
      if (name === undefined || command.enabled?.() === false) continue;
      if (inInput && !command.inInputs && !IN_INPUTS.has(name)) continue;
      if (pressing(event.target, name) && !inInput && !onStage(event.target)) continue;
      event.preventDefault();
      command.run();
      return;
    }
  }
}

/** On the stage the page's keys win: a choice that was clicked does not swallow Enter. */
function onStage(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("[data-stage]") !== null;
}

export function startKeys(): () => void {
  window.addEventListener("keydown", handleKey);
  return () => window.removeEventListener("keydown", handleKey);
}

/** How a key is shown. */
export function keyLabel(key: string): string {
  const mac = /Mac/.test(navigator.platform);
  return key
    .replace("Ctrl+", mac ? "⌘" : "Ctrl ")
    .replace("Shift+", "⇧")
    .replace("Alt+", mac ? "⌥" : "Alt ")
    .replace("Escape", "Esc")
    .replace("Backspace", "⌫")
    .replace(/ $/, "Space")
    .replace("Enter", "↵");
}
