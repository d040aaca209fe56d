/** The mouse over the text: select, draw a stretch, move an end, choose what is under it. */
import type { Spot } from "./draw";
import type { Editor } from "./editor";
import type { TextLayout } from "./layout";

/** Pixels beside an end of the selected span where it can be taken hold of. */
const GRIP = 6;

export function listen(
  layout: TextLayout,
  editor: Editor,
  spots: () => readonly Spot[],
): () => void {
  let moving: { key: string; end: "start" | "end" } | undefined;
  let pressed = false;

  const place = (event: PointerEvent) => {
    const { left, top } = layout.page.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };

  const grip = (event: PointerEvent): typeof moving => {
    const mark = editor.mark(editor.selected);
    if (!mark || !editor.core.editable) return undefined;
    const rects = layout.rects(editor.units(mark));
    const { x, y } = place(event);
    const near = (at: number, rect: { y: number; height: number } | undefined) =>
      rect !== undefined && Math.abs(x - at) <= GRIP && y >= rect.y && y <= rect.y + rect.height;
    const [first, last] = [rects[0], rects.at(-1)];
    if (first && near(first.x, first)) return { key: mark.key, end: "start" };
    if (last && near(last.x + last.width, last)) return { key: mark.key, end: "end" };
    return undefined;
  };

  /** Names first, then the smallest span; a second click goes to the next under it. */
  const under = (event: PointerEvent): string | undefined => {
    const { x, y } = place(event);
    const named = spots().find(
      (one) => x >= one.x && x <= one.x + one.width && y >= one.y && y <= one.y + one.height,
    );
    if (named) return named.key;
    const unit = layout.at(event.clientX, event.clientY);
    if (unit === undefined) return undefined;
    const found = editor.marks.filter((mark) => {
      if (editor.hidden.has(mark.key)) return false;
      const { start, end } = editor.units(mark);
      return (
        start <= unit &&
        unit <= end &&
        layout.rects({ start, end }).some((rect) => inside(rect, x, y))
      );
    });
    found.sort((one, other) => one.end - one.start - (other.end - other.start));
    const now = found.findIndex((one) => one.key === editor.selected);
    return found[(now + 1) % (found.length || 1)]?.key;
  };

  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    moving = grip(event);
    pressed = true;
    if (moving) event.preventDefault();
  };

  const move = (event: PointerEvent) => {
    if (!moving) return;
    const unit = layout.at(event.clientX, event.clientY);
    if (unit === undefined) return;
    const whole = editor.whole && !event.altKey;
    const piece = whole ? editor.words.all[editor.words.after(unit)] : undefined;
    const near =
      piece && piece.start <= unit ? (moving.end === "start" ? piece.start : piece.end) : unit;
    editor.drag(moving.key, moving.end, near);
  };

  const up = (event: PointerEvent) => {
    if (!pressed) return;
    pressed = false;
    if (moving) {
      moving = undefined;
      return;
    }
    const drawn = layout.selected();
    if (drawn && editor.core.editable) {
      document.getSelection()?.removeAllRanges();
      editor.drawn(drawn, editor.whole && !event.altKey);
    } else if (!drawn) editor.select(under(event));
  };

  layout.page.addEventListener("pointerdown", down);
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", up);
  return () => {
    window.removeEventListener("pointermove", move);
    window.removeEventListener("pointerup", up);
  };
}

function inside(
  rect: { x: number; y: number; width: number; height: number },
  x: number,
  y: number,
): boolean {
  return (
    x >= rect.x && x <= rect.x + rect.width && y >= rect.y - 2 && y <= rect.y + rect.height + 8
  );
}
