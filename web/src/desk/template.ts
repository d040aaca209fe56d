/** Templates, by version: a published version never changes, so each is fetched once. */
import { api, unwrap } from "@/api/client";
import { at } from "@/api/names";
import type { Assignment } from "@/api/types";
import type { Media, ToolTask } from "@/tools/contract";
import type { DataField, LabelSchema } from "./schema";
import type { Value } from "./value";

export interface Assist {
  capability: string;
  model?: string;
  input: string;
}

/** What a task is labelled by: the template's own, or its part's. */
export interface TaskTemplate {
  name: string;
  title: string;
  schema: LabelSchema;
  fields: DataField[];
  guideline: string;
  instructions: string;
  assists: Assist[];
  example: unknown;
  unit: string;
}

interface Raw {
  name: string;
  display_name: string;
  data_fields: DataField[];
  label_schema?: LabelSchema;
  guideline?: string;
  instructions?: string;
  unit_of_error?: string;
  assists?: Assist[];
  example?: string | { label?: unknown };
  parts?: {
    name: string;
    label_schema?: LabelSchema;
    guideline?: string;
    unit_of_error?: string;
  }[];
}

const known = new Map<string, Promise<Raw>>();

function fetchTemplate(name: string): Promise<Raw> {
  let asked = known.get(name);
  if (!asked) {
    asked = unwrap(
      api.GET("/v1/tenants/{tenant}/templates/{template}/versions/{version}", {
        params: { path: at(name) },
      }),
    ) as unknown as Promise<Raw>;
    asked.catch(() => known.delete(name));
    known.set(name, asked);
  }
  return asked;
}

/** The template of a task; `part` picks one of its parts. */
export async function templateOf(name: string, part: string): Promise<TaskTemplate> {
  const raw = await fetchTemplate(name);
  const own = part ? raw.parts?.find((one) => one.name === part) : undefined;
  const whole = raw.guideline ?? "";
  return {
    name: `${name}#${part}`,
    title: raw.display_name,
    schema: own?.label_schema ?? raw.label_schema ?? { shape: "composite" },
    fields: raw.data_fields,
    guideline: own?.guideline ? `${own.guideline}\n\n${whole}` : whole,
    instructions: raw.instructions ?? "",
    assists: raw.assists ?? [],
    example: exampleLabel(raw.example),
    unit: own?.unit_of_error ?? raw.unit_of_error ?? "",
  };
}

function exampleLabel(example: Raw["example"]): unknown {
  if (!example) return undefined;
  try {
    return (typeof example === "string" ? JSON.parse(example) : example)?.label;
  } catch {
    return undefined;
  }
}

const MEDIA = new Set(["image", "audio", "video", "cloud"]);

/** Files of the item that a page can load: as the server lists them, or from the data itself. */
export function mediaOf(assignment: Assignment, fields: readonly DataField[]): Media[] {
  if (assignment.media?.length) {
    return assignment.media.map((one) => ({ ...one, type: one.type ?? "" }));
  }
  const data = assignment.data ?? {};
  const tenant = assignment.name.split("/").slice(0, 2).join("/");
  const found: Media[] = [];
  for (const field of fields) {
    const content = data[field.name];
    if (MEDIA.has(field.type) && typeof content === "string") {
      found.push({ field: field.name, url: urlOf(content, tenant), type: field.type });
    }
    if (Array.isArray(content)) {
      content.forEach((one, place) => {
        const file = fileOf(one);
        if (file)
          found.push({ field: `${field.name}.${place}`, url: urlOf(file, tenant), type: "image" });
      });
    }
  }
  return found;
}

function fileOf(one: unknown): string {
  if (typeof one === "string") return /^(blob|data|https?):/.test(one) ? one : "";
  if (typeof one !== "object" || one === null) return "";
  const { image, cloud } = one as { image?: unknown; cloud?: unknown };
  return typeof image === "string" ? image : typeof cloud === "string" ? cloud : "";
}

export function urlOf(content: string, tenant: string): string {
  return content.startsWith("blob:") ? `/v1/${tenant}/blobs/${content.slice(5)}` : content;
}

/** What a tool gets to see of an assignment. */
export function toolTask(assignment: Assignment, template: TaskTemplate): ToolTask {
  const { prediction } = assignment;
  return {
    id: assignment.name,
    data: assignment.data ?? {},
    fields: template.fields,
    media: mediaOf(assignment, template.fields),
    schema: template.schema,
    part: assignment.part,
    element: assignment.element,
    ...(assignment.inputs ? { inputs: assignment.inputs as unknown as Value } : {}),
    ...(prediction?.value
      ? { prediction: { value: prediction.value as Value, score: prediction.score } }
      : {}),
  };
}
