/** Values as the REST API has them: proto JSON, one shape set. */
export interface Box {
  class: string;
  x?: number;
  y?: number;
  width: number;
  height: number;
  score?: number;
  attributes?: Record<string, string>;
  source?: string;
  id?: string;
}
export interface Span {
  start?: number;
  end: number;
  class: string;
  attributes?: Record<string, string>;
  score?: number;
  source?: string;
  id?: string;
}
export interface Relation {
  class: string;
  head: string;
  tail: string;
  attributes?: Record<string, string>;
  score?: number;
}
export interface Keypoint {
  x?: number;
  y?: number;
  visibility?: "UNSPECIFIED" | "HIDDEN" | "VISIBLE";
}
export interface Rect {
  x?: number;
  y?: number;
  width: number;
  height: number;
}
export interface ImageObject {
  class: string;
  attributes?: Record<string, string>;
  score?: number;
  source?: string;
  id?: string;
  text?: string;
  order?: number;
  crowd?: boolean;
  rect?: Rect;
  rotated?: Rect & { angle?: number };
  polygon?: { rings: { points: number[]; hole?: boolean }[] };
  polyline?: { points: number[] };
  mask?: { height: number; width: number; counts: string };
  keypoints?: { points: Keypoint[]; rect?: Rect };
  quad?: { points: number[] };
}
export interface Rating {
  scale: string;
  value?: number;
  subject?: string;
}
export interface Reply {
  id?: string;
  content?: string;
  rank?: number;
  ratings?: Rating[];
}
export interface Turn {
  role: "system" | "user" | "assistant" | "tool";
  content?: string;
  replies?: Reply[];
}
export interface Preference {
  outcome: "CHOSEN" | "TIE" | "BOTH_BAD";
  chosen?: string;
  rejected?: string;
  strength?: number;
  ratings?: Rating[];
  reason?: string;
}
export interface PromptVariable {
  name: string;
  description?: string;
  default?: string;
  choices?: string[];
  required?: boolean;
}
export interface PromptValue {
  title?: string;
  text: string;
  system?: string;
  variables?: PromptVariable[];
  classes?: string[];
  examples?: { variables?: Record<string, string>; output?: string }[];
  language?: string;
}

export interface Value {
  choices?: { classes?: string[] };
  text?: { text?: string };
  boxes?: { boxes?: Box[] };
  spans?: { spans?: Span[]; relations?: Relation[] };
  objects?: { objects?: ImageObject[] };
  conversation?: { turns?: Turn[] };
  ranking?: { groups?: { ids: string[] }[]; unacceptable?: string[] };
  preference?: Preference;
  ratings?: { ratings?: Rating[] };
  rewrite?: { before?: string; after?: string; classes?: string[]; reason?: string };
  prompt?: PromptValue;
  composite?: { parts?: { part: string; element?: string; value: Value }[] };
  /** Shapes whose tool is the plain form. */
  [shape: string]: unknown;
}
