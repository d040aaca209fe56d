/** Marks under the text: tint, bars for what overlaps, names; and arrows between them. */
import { h } from "../common/dom";
import type { ToolContext } from "../contract";
import type { Rect, TextLayout } from "./layout";
import type { Link, Mark } from "./model";
import type { Stretch } from "./words";

const SVG = "http://www.w3.org/2000/svg";
const LEVELS = 3;
const LETTER_WIDTH = 12 * 0.58;

export interface Scene {
  marks: readonly Mark[];
  links: readonly Link[];
  selected: string | undefined;
  /** What is about to be marked. */
  range: Stretch | undefined;
  /** Spans of other answers that the stage does not have. */
  others: readonly Stretch[];
  units(mark: { start: number; end: number }): Stretch;
  context: ToolContext;
}

/** Where what is drawn can be clicked. */
export interface Spot extends Rect {
  key: string;
}

export function drawScene(layout: TextLayout, scene: Scene): Spot[] {
  const seen = layout.visible();
  const spots: Spot[] = [];
  const inSight = (one: Stretch) => one.end >= seen.start && one.start <= seen.end;
  const shown = scene.marks.filter((mark) => inSight(scene.units(mark)));
  const levels = levelsOf(shown);
  const boxes = new Map<string, Rect[]>();
  const parts: Element[] = [];
  for (const mark of shown) {
    const rects = layout.rects(scene.units(mark));
    boxes.set(mark.key, rects);
    parts.push(...rects.flatMap((rect) => tint(rect, mark, levels.get(mark.key) ?? 0, scene)));
  }
  parts.push(...labels(shown, boxes, scene, spots));
  if (scene.range) parts.push(...layout.rects(scene.range).map((one) => at(one, "span-range")));
  for (const other of scene.others.filter(inSight)) {
    parts.push(...layout.rects(other).map((one) => at(one, "span-other")));
  }
  const arrows = scene.links.length > 0 ? arrowsOf(layout, boxes, scene, spots) : undefined;
  layout.under.replaceChildren(...parts, ...(arrows ? [arrows] : []));
  return spots;
}

function at(rect: Rect, name: string, color = ""): HTMLElement {
  const { x, y, width, height } = rect;
  const style = `left:${x}px;top:${y}px;width:${width}px;height:${height}px`;
  const element = h("div", { class: name, style });
  if (color) element.style.setProperty("--class", color);
  return element;
}

function tint(rect: Rect, mark: Mark, level: number, scene: Scene): HTMLElement[] {
  const color = scene.context.colorOf(mark.class);
  const state = mark.state === "suggested" ? " suggested" : "";
  const chosen = mark.key === scene.selected ? " selected" : "";
  const bar = { ...rect, y: rect.y + rect.height + 1 + level * 3, height: 2 };
  return [at(rect, `span-tint${state}${chosen}`, color), at(bar, `span-bar${state}`, color)];
}

/** Which bar each gets, so that those that overlap do not lie on one another. */
function levelsOf(marks: readonly Mark[]): Map<string, number> {
  const levels = new Map<string, number>();
  const ends: number[] = [];
  for (const mark of marks) {
    let level = ends.findIndex((end) => end <= mark.start);
    if (level < 0) level = ends.length;
    ends[level] = mark.end;
    levels.set(mark.key, level % LEVELS);
  }
  return levels;
}

/** The name under each first line, as far as the next name leaves room. */
function labels(
  marks: readonly Mark[],
  boxes: ReadonlyMap<string, Rect[]>,
  scene: Scene,
  spots: Spot[],
): HTMLElement[] {
  const placed = marks
    .flatMap((mark) => {
      const [first] = boxes.get(mark.key) ?? [];
      return first ? [{ mark, x: first.x, y: first.y + first.height + 8 }] : [];
    })
    .sort((one, other) => Math.round(one.y - other.y) || one.x - other.x);
  const chosen = placed.find((one) => one.mark.key === scene.selected);
  return placed.flatMap(({ mark, x, y }, place) => {
    const text = nameOf(mark, scene);
    const wide = widthOf(text);
    if (mark === chosen?.mark) {
      spots.push({ key: mark.key, x, y, width: wide, height: 13 });
      return [label(text, x, y, "span-label selected")];
    }
    const next = placed[place + 1];
    const room = next && Math.abs(next.y - y) < 4 ? next.x - x - 4 : wide;
    const width = Math.min(room, wide);
    if (width < 14 || (chosen && covers(chosen, widthOf(nameOf(chosen.mark, scene)), x, y))) {
      return [];
    }
    spots.push({ key: mark.key, x, y, width, height: 13 });
    return [label(text, x, y, "span-label", width < wide ? `max-width:${width}px` : "")];
  });
}

function label(text: string, x: number, y: number, name: string, extra = ""): HTMLElement {
  return h("span", { class: name, style: `left:${x}px;top:${y}px;${extra}`, text });
}

function nameOf(mark: Mark, { context }: Scene): string {
  const score = mark.state === "suggested" && mark.score ? ` ${mark.score.toFixed(2)}` : "";
  return `${context.titleOf(mark.class)}${score}`;
}

/** About how wide a name is, in pixels; Chinese letters are as wide as they are high. */
function widthOf(text: string): number {
  let width = 8;
  for (const letter of text) width += letter > "\u2e7f" ? 12 : LETTER_WIDTH;
  return width;
}

/** Does the name of the selected span lie on a place? */
function covers(chosen: { x: number; y: number }, width: number, x: number, y: number): boolean {
  return Math.abs(chosen.y - y) < 4 && x >= chosen.x && x < chosen.x + width;
}

function svg(name: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

function arrowsOf(
  layout: TextLayout,
  boxes: Map<string, Rect[]>,
  scene: Scene,
  spots: Spot[],
): SVGElement {
  const byKey = new Map(scene.marks.map((one) => [one.key, one]));
  const box = (key: string): Rect | undefined => {
    const mark = byKey.get(key);
    if (!mark) return undefined;
    if (!boxes.has(key)) boxes.set(key, layout.rects(scene.units(mark)));
    return boxes.get(key)![0];
  };
  const picture = svg("svg", { class: "span-arrows" });
  const seen = layout.scroller;
  for (const link of scene.links) {
    const [from, to] = [box(link.head), box(link.tail)];
    if (!from || !to) continue;
    const [low, high] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
    if (high < seen.scrollTop - 60 || low > seen.scrollTop + seen.clientHeight + 60) continue;
    picture.append(...arrow(link, from, to, scene, spots));
  }
  return picture;
}

/** An arc over the line from the one to the other, with its name on top. */
function arrow(link: Link, from: Rect, to: Rect, scene: Scene, spots: Spot[]): SVGElement[] {
  const chosen = link.key === scene.selected ? " selected" : "";
  const forward = from.x <= to.x;
  const [x1, x2] = [
    from.x + from.width / 2 + (forward ? 4 : -4),
    to.x + to.width / 2 + (forward ? -4 : 4),
  ];
  const [y1, y2] = [from.y - 1, to.y - 1];
  const rise = Math.min(26, 14 + Math.abs(x2 - x1) / 40);
  const [c1, c2] = [y1 - rise, y2 - rise];
  const path = svg("path", {
    class: `span-arrow${chosen}`,
    d: `M${x1} ${y1} C${x1} ${c1} ${x2} ${c2} ${x2} ${y2}`,
  });
  const head = svg("path", {
    class: `span-arrowhead${chosen}`,
    d: `M${x2 - 4} ${y2 - 7} L${x2} ${y2} L${x2 + 4} ${y2 - 7} Z`,
  });
  // On two lines the middle of the arc lies on the text: the name stands at its tip.
  const near = Math.abs(y2 - y1) < 4 ? 0.5 : 0.9;
  const middle = { x: bezier(x1, x1, x2, x2, near), y: bezier(y1, c1, c2, y2, near) };
  const name = scene.context.titleOf(link.class);
  const width = widthOf(name);
  const words = svg("text", { class: `span-arrow-name${chosen}`, x: middle.x, y: middle.y + 4 });
  words.textContent = name;
  spots.push({ key: link.key, x: middle.x - width / 2, y: middle.y - 8, width, height: 16 });
  return [path, head, words];
}

function bezier(a: number, b: number, c: number, d: number, share: number): number {
  const left = 1 - share;
  return left ** 3 * a + 3 * left ** 2 * share * b + 3 * left * share ** 2 * c + share ** 3 * d;
}
