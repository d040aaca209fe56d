/** Names for what the API gives, shorter than the generated ones. */
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Assignment = Omit<Schemas["Assignment"], "data"> & {
  data?: Record<string, unknown>;
  open_time?: string;
  submit_time?: string;
  server_time?: string;
  draft_revision?: number;
  media?: {
    field: string;
    url: string;
    type?: string;
    name?: string;
    width?: number;
    height?: number;
    duration?: number;
  }[];
  source_key?: string;
  group?: string;
  review?: ReviewContext;
};
export interface ReviewContext {
  label?: Schemas["Value"];
  reasons?: string[];
  agreement?: number;
  annotations?: {
    value?: Schemas["Value"];
    work_seconds?: number;
    after_hint?: boolean;
    objected?: boolean;
  }[];
  earlier_reviews?: {
    verdict?: string;
    comment?: string;
    value?: Schemas["Value"];
    create_time?: string;
  }[];
  prediction?: Schemas["Prediction"];
}
export type Project = Schemas["Project"];
export type Progress = Schemas["Progress"];
export type Delivery = Schemas["Delivery"];
export type Task = Schemas["Task"];
export type Template = Schemas["Template"];

export interface Me {
  user: string;
  display_name?: string;
  tenant: string;
  role: "owner" | "manager" | "reviewer" | "annotator" | "service" | "operator";
  skills?: string[];
  operator?: boolean;
  csrf_token?: string;
  expire_time?: string;
  server_time?: string;
}
