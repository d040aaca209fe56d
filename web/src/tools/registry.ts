/** Which tool opens which label shape. Each is a chunk of its own, loaded when it is first needed. */
import type { LabelSchema } from "@/desk/schema";
import type { Tool } from "./contract";

type Load = () => Promise<{ tool: Tool }>;

const TOOLS: Record<string, Load> = {
  choice: () => import("./choices"),
  choices: () => import("./choices"),
  boxes: () => import("./image"),
  objects: () => import("./image"),
  spans: () => import("./text"),
  text: () => import("./writing"),
  rewrite: () => import("./writing"),
  conversation: () => import("./dialogue"),
  ranking: () => import("./dialogue"),
  preference: () => import("./dialogue"),
  ratings: () => import("./dialogue"),
  prompt: () => import("./writing"),
};

const plain: Load = () => import("./plain");

/** The tool of a label schema; a plain form where none has been built for its shape yet. */
export async function toolOf(schema: LabelSchema): Promise<Tool> {
  return (await (TOOLS[schema.shape] ?? plain)()).tool;
}
