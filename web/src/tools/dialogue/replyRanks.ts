/** Ranks of the replies of one turn, through the same rules as rankings. */
import type { Reply } from "@/desk/value";
import { type Ranks, withRank } from "./ranks";
import { nameOf } from "./turns";

export function ranksOfReplies(replies: readonly Reply[]): Ranks {
  const ranks: Record<string, number> = {};
  replies.forEach((reply, place) => {
    if (reply.rank) ranks[nameOf(reply, place)] = reply.rank;
  });
  return ranks;
}

export function withReplyRank(
  replies: readonly Reply[],
  name: string,
  rank: number,
  ties: boolean,
): Reply[] {
  const ranks = withRank(ranksOfReplies(replies), name, rank, ties);
  return replies.map((reply, place) => {
    const own = ranks[nameOf(reply, place)];
    if (own) return own === reply.rank ? reply : { ...reply, rank: own };
    const { rank: _gone, ...left } = reply;
    return left;
  });
}
