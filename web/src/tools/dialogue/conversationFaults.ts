/** The server's rules for conversations. */
import type { LabelSchema } from "@/desk/schema";
import type { Turn } from "@/desk/value";
import { countFaults, ratingFaults } from "../common/rules";
import type { Fault, ToolContext } from "../contract";
import { letterOf } from "./candidates";

const FIELD = "conversation.turns";

export function conversationFaults(
  turns: readonly Turn[],
  prompt: readonly Turn[],
  schema: LabelSchema,
  t: ToolContext["t"],
): Fault[] {
  const changed = prompt.some((one, place) => {
    const given = turns[place];
    return given?.role !== one.role || plain(given.content) !== plain(one.content);
  });
  if (changed) return [{ field: FIELD, message: t("dialogue.begins") }];
  const waits = prompt.at(-1)?.role !== "assistant" && turns.at(-1)?.role !== "assistant";
  return [
    ...(waits || turns.length === 0 ? [{ field: FIELD, message: t("dialogue.answer") }] : []),
    ...countFaults(turns.length, schema, FIELD, t),
    ...turns.flatMap((turn, place) => turnFaults(turn, `${FIELD}[${place}]`, schema, t)),
  ];
}

function turnFaults(turn: Turn, field: string, schema: LabelSchema, t: ToolContext["t"]): Fault[] {
  const replies = turn.replies ?? [];
  const empty = (text: string | undefined) => !text?.trim();
  if (replies.length === 0) {
    return empty(turn.content) ? [{ field, message: t("tool.fault.replyMissing") }] : [];
  }
  const faults: Fault[] = [];
  if (replies.some((one) => empty(one.content))) {
    faults.push({ field: `${field}.replies`, message: t("tool.fault.replyMissing") });
  }
  const ranks = replies.flatMap((one) => (one.rank ? [one.rank] : []));
  const tied = new Set(ranks).size < ranks.length && !schema.ties;
  if (tied || (replies.length > 1 && ranks.length < replies.length)) {
    faults.push({ field: `${field}.replies`, message: t("tool.fault.rankAll") });
  }
  replies.forEach((one, place) => {
    const subject = { id: "", title: one.id ? "" : letterOf(place) };
    faults.push(
      ...ratingFaults(
        one.ratings ?? [],
        schema,
        [subject],
        `${field}.replies[${place}].ratings`,
        t,
      ),
    );
  });
  return faults;
}

function plain(text: string | undefined): string {
  return (text ?? "").replaceAll("\r\n", "\n");
}
