/** Walking objects and judging a model's suggestions, for tools with a list of objects. */
import type { KeyCommand } from "@/app/keys";
import type { ObjectRow, ToolInstance } from "@/tools/contract";

/** Suggestions not yet judged, the least sure first; then the rest in their order. */
export function walkOrder(rows: readonly ObjectRow[]): ObjectRow[] {
  const open = rows.filter((one) => one.state === "suggested");
  open.sort((a, b) => (a.score ?? 0) - (b.score ?? 0));
  return [...open, ...rows.filter((one) => one.state !== "suggested" && one.state !== "rejected")];
}

function step(tool: ToolInstance, by: number): void {
  const rows = walkOrder(tool.objects?.() ?? []);
  if (rows.length === 0) return;
  const place = rows.findIndex((one) => one.id === tool.selected?.());
  const next =
    place < 0 ? (by > 0 ? 0 : rows.length - 1) : (place + by + rows.length) % rows.length;
  tool.select?.(rows[next]!.id);
}

function judge(tool: ToolInstance, state: "accepted" | "rejected"): void {
  const rows = walkOrder(tool.objects?.() ?? []);
  const chosen = tool.selected?.();
  const place = rows.findIndex((one) => one.id === chosen && one.state === "suggested");
  const one = rows[place];
  if (!one) {
    step(tool, 1);
    return;
  }
  const following = rows.slice(place + 1).find((other) => other.state === "suggested") ?? rows[0];
  tool.setState?.(one.id, state);
  if (following && following.id !== one.id) tool.select?.(following.id);
}

/** Accepts every open suggestion that is at least this sure. */
export function acceptAll(tool: ToolInstance, threshold: number): void {
  for (const one of tool.objects?.() ?? []) {
    if (one.state === "suggested" && (one.score ?? 0) >= threshold)
      tool.setState?.(one.id, "accepted");
  }
}

export function suggestionKeys(tool: ToolInstance, threshold: () => number): KeyCommand[] {
  const some = () => (tool.objects?.().length ?? 0) > 0;
  const open = () => tool.objects?.().some((one) => one.state === "suggested") ?? false;
  return [
    { id: "next", title: "tool.next", keys: ["Tab"], enabled: some, run: () => step(tool, 1) },
    {
      id: "previous",
      title: "tool.previous",
      keys: ["Shift+Tab"],
      enabled: some,
      run: () => step(tool, -1),
    },
    {
      id: "accept",
      title: "tool.accept",
      keys: ["A"],
      enabled: open,
      run: () => judge(tool, "accepted"),
    },
    {
      id: "reject",
      title: "tool.reject",
      keys: ["X"],
      enabled: open,
      run: () => judge(tool, "rejected"),
    },
    {
      id: "acceptAll",
      title: "tool.acceptAll",
      keys: ["Shift+A"],
      enabled: open,
      run: () => acceptAll(tool, threshold()),
    },
  ];
}
