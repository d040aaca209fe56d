/** The label schema of a template version, as `services/template/catalogue/schema.json` has it. */
export interface ClassDefinition {
  name: string;
  title?: { zh?: string; en?: string };
  color?: string;
  hotkey?: string;
  description?: string;
}
export interface AttributeDefinition {
  name: string;
  type: "choice" | "number" | "boolean" | "text";
  choices?: string[];
  required?: boolean;
  classes?: string[];
  min?: number;
  max?: number;
}
export interface Scale {
  name: string;
  min: number;
  max: number;
  step?: number;
  level: "nominal" | "ordinal" | "interval" | "ratio";
}
export interface LabelSchema {
  shape: string;
  classes?: (string | ClassDefinition)[];
  min_objects?: number;
  max_objects?: number;
  attributes?: AttributeDefinition[];
  geometries?: string[];
  skeleton?: { points: string[]; edges?: number[] };
  relations?: { class: string; heads?: string[]; tails?: string[]; cyclic?: boolean }[];
  scales?: Scale[];
  ties?: boolean;
  texts?: boolean;
  [more: string]: unknown;
}
export interface DataField {
  name: string;
  type: string;
  required?: boolean;
}
export interface Definition {
  display_name: string;
  data_fields: DataField[];
  label_schema: LabelSchema;
  guideline?: string;
  unit_of_error?: string;
  parts?: {
    name: string;
    label_schema: LabelSchema;
    guideline?: string;
    shows?: string[];
    per?: string;
  }[];
  assists?: { capability: string; model?: string; input: string }[];
  exports?: string[];
  [more: string]: unknown;
}

/** Classes in the schema's order, each with at least its name. */
export function classesOf(schema: LabelSchema): ClassDefinition[] {
  return (schema.classes ?? []).map((one) => (typeof one === "string" ? { name: one } : one));
}
