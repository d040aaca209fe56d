/** The one way to the server: typed routes, the session's token on writes, problems as errors. */
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "./schema";

/** What the server refused, in its words (RFC 9457). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly errors: readonly { field: string; message: string }[] = [],
    readonly trace = "",
    /** More that the problem says, e.g. the draft that is there. */
    readonly more: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** May the same request succeed later, without anybody changing anything? */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

let csrf = "";
let onSignedOut: () => void = () => {};

export function setToken(token: string): void {
  csrf = token;
}

/** Called whenever the server does not know the session any more. */
export function whenSignedOut(handle: () => void): void {
  onSignedOut = handle;
}

const session: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && csrf) request.headers.set("X-CSRF-Token", csrf);
    return request;
  },
};

export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });
api.use(session);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's content, or an `ApiError`. */
export async function unwrap<T>(asked: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (answer.response.ok) return answer.data as T;
  throw problem(answer.response.status, answer.error);
}

/** A route that the document does not describe in full: the gateway's own. */
export async function send<T>(
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  options: { headers?: Record<string, string>; signal?: AbortSignal; raw?: BodyInit } = {},
): Promise<T> {
  const headers: Record<string, string> = { ...options.headers };
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const content = options.raw ?? (body === undefined ? undefined : JSON.stringify(body));
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      ...(content === undefined ? {} : { body: content }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
  const text = await response.text();
  const said: unknown = text && json(response) ? JSON.parse(text) : text;
  if (!response.ok) throw problem(response.status, said);
  return said as T;
}

function json(response: Response): boolean {
  return (response.headers.get("content-type") ?? "").includes("json");
}

function problem(status: number, said: unknown): ApiError {
  if (status === 401) onSignedOut();
  if (typeof said !== "object" || said === null) return new ApiError(status, `HTTP ${status}`);
  const { detail, title, errors, trace_id, ...more } = said as Record<string, unknown>;
  return new ApiError(
    status,
    String(detail ?? title ?? `HTTP ${status}`),
    Array.isArray(errors) ? errors : [],
    String(trace_id ?? ""),
    more,
  );
}

/** An id that makes a request safe to repeat. */
export function newKey(): string {
  return crypto.randomUUID();
}
