/** Classes as rows of a list: "economy/markets" stands under "economy". */
import type { ClassDefinition } from "@/desk/schema";

export interface ClassRow {
  name: string;
  title: string;
  /** Names of what stands above, for search results. */
  path: string;
  depth: number;
  /** A heading that is no class itself. */
  heading: boolean;
  description: string;
  /** What a search looks through. */
  text: string;
}

interface Node {
  name: string;
  own?: ClassDefinition;
  under: Map<string, Node>;
}

export function classRows(
  classes: readonly ClassDefinition[],
  titleOf: (name: string) => string,
): ClassRow[] {
  const root: Node = { name: "", under: new Map() };
  for (const one of classes) {
    let node = root;
    for (const step of stepsOf(one.name)) {
      const name = node === root ? step : `${node.name}/${step}`;
      let next = node.under.get(step);
      if (!next) {
        next = { name, under: new Map() };
        node.under.set(step, next);
      }
      node = next;
    }
    node.own = one;
  }
  const rows: ClassRow[] = [];
  const walk = (node: Node, depth: number, above: string[]) => {
    for (const [step, next] of node.under) {
      const given = next.own ? titleOf(next.name) : step;
      const title = given === next.name ? step : given;
      const path = above.join(" / ");
      const description = next.own?.description ?? "";
      const titles = Object.values(next.own?.title ?? {}).join(" ");
      const text = plain(`${next.name} ${titles} ${path} ${description}`);
      rows.push({ name: next.name, title, path, depth, heading: !next.own, description, text });
      walk(next, depth + 1, [...above, title]);
    }
  };
  walk(root, 0, []);
  return rows;
}

/** "a/b" is two steps; a name with an empty step is just a name. */
function stepsOf(name: string): string[] {
  const steps = name.split("/");
  return steps.includes("") ? [name] : steps;
}

/** Rows that match what was typed, those that begin with it first. */
export function search(rows: readonly ClassRow[], typed: string): ClassRow[] {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...rows];
  const found = rows.filter(
    (row) => !row.heading && words.every((word) => row.text.includes(word)),
  );
  const first = (row: ClassRow) => (plain(row.title).startsWith(words[0]!) ? 0 : 1);
  return found.sort((one, other) => first(one) - first(other));
}

function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase();
}
