/** Which key chooses which class: its own where the template names one, else by its place. */
import type { ClassDefinition } from "@/desk/schema";

const PLACES = [..."1234567890", ...[..."1234567890"].map((digit) => `Shift+${digit}`)];

export function classKeys(classes: readonly ClassDefinition[]): Map<string, string> {
  const keys = new Map<string, string>();
  classes.forEach((one, place) => {
    const key = one.hotkey ? one.hotkey.toUpperCase() : PLACES[place];
    if (key) keys.set(one.name, key);
  });
  return keys;
}
