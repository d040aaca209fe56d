/** For tests: a context and a task, as the page would give them. */
import i18next from "i18next";
import { startWords } from "@/app/i18n";
import type { LabelSchema } from "@/desk/schema";
import type { Command, ToolContext, ToolInstance, ToolTask } from "../contract";

startWords();

/** Says keys instead of words, of which each must exist in both languages. */
function t(key: string, values?: Record<string, unknown>): string {
  for (const lng of ["en", "zh"]) {
    if (!i18next.exists(key, { lng, fallbackLng: false, ...values })) {
      throw new Error(`${lng} has no word for ${key}`);
    }
  }
  return values ? `${key} ${JSON.stringify(values)}` : key;
}

export function testContext(): ToolContext & { said: string[] } {
  const said: string[] = [];
  return {
    said,
    t,
    locale: () => "en",
    colorOf: () => "#336699",
    titleOf: (name) => name,
    notify: (message) => said.push(message),
  };
}

export function testTask(
  schema: LabelSchema,
  data: Record<string, unknown>,
  more: Partial<ToolTask> = {},
): ToolTask {
  const fields = Object.entries(data).map(([name, said]) => ({
    name,
    type: name === "conversation" || name === "candidates" ? name : kind(said),
  }));
  return { id: "t1", data, fields, media: [], schema, ...more };
}

function kind(said: unknown): string {
  return typeof said === "string" ? "text" : "image";
}

/** Runs the command a key would run. */
export function press(tool: ToolInstance, key: string): void {
  const found = tool.commands().find((one: Command) => {
    return one.keys.includes(key) && one.enabled?.() !== false;
  });
  if (!found) throw new Error(`no command has the key ${key}`);
  found.run();
}
