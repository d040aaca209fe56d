/** A conversation as it grows: the item's turns stay, the rest is written or chosen. Pure. */
import type { Reply, Turn, Value } from "@/desk/value";
import type { Mode, ToolTask } from "../contract";

/** Ids of replies that a person wrote here; others came with the draft and stay as they are. */
const WRITTEN = /^w\d+$/;

export function isWritten(reply: Reply): boolean {
  return WRITTEN.test(reply.id ?? "");
}

/** The field a conversation begins with: the item's conversation, or its text. */
export function promptFieldOf(task: ToolTask): { name: string } | undefined {
  const of = (type: string) =>
    task.fields.find((one) => one.type === type && one.name in task.data);
  return of("conversation") ?? of("text");
}

/** The item's own turns, or its text as one turn of a user. */
export function promptOf(task: ToolTask): Turn[] {
  const given = task.data[promptFieldOf(task)?.name ?? ""];
  if (typeof given === "string") return [{ role: "user", content: given }];
  if (!Array.isArray(given)) return [];
  return given.map((one) => ({ role: one?.role, content: String(one?.content ?? "") }));
}

/** A draft, or a model's, or the item's turns with an answer to be written. */
export function begun(task: ToolTask, value: Value | undefined, mode: Mode): Turn[] {
  const given = value?.conversation?.turns;
  if (given?.length) return given;
  const predicted = mode === "edit" ? task.prediction?.value.conversation?.turns : undefined;
  if (predicted?.length) return predicted;
  const prompt = promptOf(task);
  return prompt.at(-1)?.role === "assistant"
    ? prompt
    : [...prompt, { role: "assistant", content: "" }];
}

/** The conversation goes on with the best of the replies. */
export function settled(turn: Turn): Turn {
  const replies = turn.replies ?? [];
  if (replies.length === 0) return turn;
  const ranks = replies.flatMap((one) => (one.rank ? [one.rank] : []));
  const best = replies.filter((one) => one.rank === Math.min(...ranks));
  const said = turn.content ?? "";
  const offered = ranks.length > 0 ? best : replies;
  if (offered.some((one) => one.content === said)) return turn;
  return { ...turn, content: ranks.length > 0 ? (best[0]?.content ?? "") : "" };
}

export function withTurn(turns: readonly Turn[], place: number, change: Partial<Turn>): Turn[] {
  return turns.map((one, at) => (at === place ? settled({ ...one, ...change }) : one));
}

export function withReply(
  turns: readonly Turn[],
  place: number,
  id: string,
  change: Partial<Reply>,
): Turn[] {
  const replies = (turns[place]?.replies ?? []).map((one, at) =>
    nameOf(one, at) === id ? { ...one, ...change } : one,
  );
  return withTurn(turns, place, { replies });
}

/** What a reply goes by: its id, or its place where it has none. */
export function nameOf(reply: Reply, place: number): string {
  return reply.id || `#${place}`;
}

/** One more reply to compare; what was written alone so far becomes the first. */
export function withNewReply(turns: readonly Turn[], place: number): Turn[] {
  const turn = turns[place];
  if (!turn) return [...turns];
  const replies = turn.replies?.length ? turn.replies : [{ id: "w1", content: turn.content ?? "" }];
  let number = 1;
  while (replies.some((one) => one.id === `w${number}`)) number += 1;
  return withTurn(turns, place, { replies: [...replies, { id: `w${number}`, content: "" }] });
}

/** Without a reply that was written; the last one left is the turn itself again. */
export function withoutReply(turns: readonly Turn[], place: number, id: string): Turn[] {
  const left = (turns[place]?.replies ?? []).filter((one, at) => nameOf(one, at) !== id);
  const only = left.length === 1 && isWritten(left[0]!) ? left[0] : undefined;
  return turns.map((one, at) => {
    if (at !== place) return one;
    if (!only) return settled({ ...one, replies: left });
    const { replies: _gone, ...turn } = one;
    return { ...turn, content: only.content ?? "" };
  });
}

/** A message of the user and an answer to it. */
export function withNewTurn(turns: readonly Turn[]): Turn[] {
  const asks = turns.at(-1)?.role !== "user";
  return [
    ...turns,
    ...(asks ? [{ role: "user" as const, content: "" }] : []),
    { role: "assistant", content: "" },
  ];
}

/** Cuts the conversation before a message that was added, and what follows it. */
export function cutAt(turns: readonly Turn[], place: number): Turn[] {
  return turns.slice(0, place);
}
