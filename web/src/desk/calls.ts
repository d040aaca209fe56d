/** Calls of people's work, by assignment: thin, typed, without any state. */
import { api, newKey, send, unwrap } from "@/api/client";
import { at } from "@/api/names";
import type { Assignment } from "@/api/types";
import type { Value } from "./value";

export interface Submission {
  name: string;
  task: string;
  assignment?: string;
  value?: Value;
  create_time?: string;
  state: string;
  comment?: string;
  hint?: string;
  submit_time?: string;
}

export interface Comment {
  name: string;
  author?: string;
  text: string;
  create_time?: string;
  mine?: boolean;
}

export async function claim(
  project: string,
  count: number,
  stage: "REVIEW" | undefined,
): Promise<Assignment[]> {
  const body = { max_tasks: count, ahead: true, ...(stage ? { stage } : {}) };
  const answer = await send<{ assignments?: Assignment[] }>(
    "POST",
    `/v1/${project}/tasks:claim`,
    body,
    {
      headers: { "Idempotency-Key": newKey() },
    },
  );
  return answer.assignments ?? [];
}

export async function held(project: string): Promise<Assignment[]> {
  const path = at(project);
  const answer = await unwrap(
    api.GET("/v1/tenants/{tenant}/projects/{project}/assignments", { params: { path } }),
  );
  return (answer.assignments ?? []) as Assignment[];
}

export const open = (name: string) => send<Assignment>("POST", `/v1/${name}:open`, {});
export const renew = (name: string, token: number) =>
  send<Assignment>("POST", `/v1/${name}:renew`, { fencing_token: token });
export const reopen = (name: string, token: number) =>
  send<Assignment>("POST", `/v1/${name}:reopen`, { fencing_token: token });
export const release = (name: string, token: number) =>
  send("POST", `/v1/${name}:release`, { fencing_token: token });
export const skip = (name: string, token: number, reason: string) =>
  send("POST", `/v1/${name}:skip`, { fencing_token: token, reason });
export const flag = (name: string, reason: string) => send("POST", `/v1/${name}:flag`, { reason });

export function saveDraft(
  name: string,
  token: number,
  value: Value,
  revision: number,
  seconds: number,
): Promise<Assignment> {
  return send<Assignment>("POST", `/v1/${name}:saveDraft`, {
    fencing_token: token,
    value,
    base_revision: revision,
    work_seconds: seconds,
  });
}

export function submit(
  name: string,
  key: string,
  body: { fencing_token: number; value: Value; work_seconds: number; grace_seconds: number },
): Promise<unknown> {
  return send("POST", `/v1/${name}:submit`, body, { headers: { "Idempotency-Key": key } });
}

export function review(
  name: string,
  key: string,
  body: {
    fencing_token: number;
    verdict: string;
    value?: Value;
    comment?: string;
    work_seconds: number;
  },
): Promise<unknown> {
  return send("POST", `/v1/${name}:review`, body, { headers: { "Idempotency-Key": key } });
}

export async function submissions(project: string): Promise<Submission[]> {
  const path = `/v1/${project}/submissions?page_size=50`;
  return (await send<{ submissions?: Submission[] }>("GET", path)).submissions ?? [];
}

export async function comments(task: string): Promise<Comment[]> {
  return (await send<{ comments?: Comment[] }>("GET", `/v1/${task}/comments`)).comments ?? [];
}

export const comment = (task: string, text: string) =>
  send<Comment>("POST", `/v1/${task}/comments`, { text });
