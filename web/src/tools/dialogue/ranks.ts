/** Ranks of candidates: 1 is best, equal ones are ties. Gaps are let be until the value is asked. */
export type Ranks = Readonly<Record<string, number>>;

export function ranksOf(groups: readonly { ids: string[] }[] | undefined): Ranks {
  const ranks: Record<string, number> = {};
  groups?.forEach((group, place) => {
    for (const id of group.ids) ranks[id] = place + 1;
  });
  return ranks;
}

/** Groups, best first; within one the ids stand as `order` has them. */
export function groupsOf(ranks: Ranks, order: readonly string[]): { ids: string[] }[] {
  const known = [...order, ...Object.keys(ranks).filter((id) => !order.includes(id))];
  const numbers = [...new Set(Object.values(ranks))].sort((one, other) => one - other);
  return numbers.map((rank) => ({ ids: known.filter((id) => ranks[id] === rank) }));
}

/** Gives a rank; without ties the one that had it takes the other's, or none. */
export function withRank(ranks: Ranks, id: string, rank: number, ties: boolean): Ranks {
  const next: Record<string, number> = { ...ranks, [id]: rank };
  const before = ranks[id];
  if (!ties) {
    for (const other of Object.keys(ranks)) {
      if (other === id || ranks[other] !== rank) continue;
      if (before === undefined) delete next[other];
      else next[other] = before;
    }
  }
  return next;
}

/** One rank higher (-1) or lower (1), within 1 and the number of candidates. */
export function moved(ranks: Ranks, id: string, by: number, count: number, ties: boolean): Ranks {
  const now = ranks[id] ?? (by > 0 ? 0 : count + 1);
  const rank = Math.max(1, Math.min(count, now + by));
  return rank === ranks[id] ? ranks : withRank(ranks, id, rank, ties);
}

/** The same rank as the next better one. */
export function tied(ranks: Ranks, id: string): Ranks {
  const now = ranks[id] ?? Number.POSITIVE_INFINITY;
  const better = Object.entries(ranks).flatMap(([other, rank]) =>
    other !== id && rank < now ? [rank] : [],
  );
  return better.length > 0 ? { ...ranks, [id]: Math.max(...better) } : ranks;
}
