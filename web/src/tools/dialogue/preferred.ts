/** A preference as it is said; pure. */
import type { Preference } from "@/desk/value";

type Outcome = Preference["outcome"];

/** `ids` of all candidates. With two of them both are named, whatever the outcome; by name, since
 * with a tie nothing may tell which was shown first. */
export function preferring(
  before: Partial<Preference> | undefined,
  outcome: Outcome,
  chosen: string | undefined,
  ids: readonly string[],
): Preference {
  const pair = ids.length === 2 ? [...ids].sort() : [];
  const first = chosen ?? pair[0];
  const other = pair.find((id) => id !== first);
  const { ratings, reason, strength } = before ?? {};
  return {
    outcome,
    ...(first ? { chosen: first } : {}),
    ...(other ? { rejected: other } : {}),
    ...(outcome === "CHOSEN" && strength ? { strength } : {}),
    ...(ratings ? { ratings } : {}),
    ...(reason ? { reason } : {}),
  };
}

/** Does it break the server's rules? */
export function isOpen(
  said: Partial<Preference> | undefined,
  ids: readonly string[],
  ties: boolean,
): boolean {
  const { outcome, chosen, rejected } = said ?? {};
  if (outcome === undefined || (outcome === "TIE" && !ties)) return true;
  if (outcome === "CHOSEN" && !chosen) return true;
  if (chosen && chosen === rejected) return true;
  return [chosen, rejected].some((id) => Boolean(id) && !ids.includes(id!));
}
