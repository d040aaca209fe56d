/** A cloud of points from above, coloured by height. */
import type { ToolContext } from "../contract";
import { h } from "./dom";
import { pointsOf } from "./points";

/** Share of points on each side that may lie outside of the picture. */
const OUTLIERS = 0.01;
/** So many points are drawn larger. */
const FEW = 30_000;

export class Cloud {
  readonly element: HTMLElement;
  #canvas = h("canvas", { class: "cloud-canvas", role: "img" });
  #words = h("p", { class: "picture-words", role: "status" });
  #wanted = "";

  constructor(private readonly context: ToolContext) {
    this.#canvas.setAttribute("aria-label", context.t("media.fromAbove"));
    this.element = h("div", { class: "picture cloud" }, this.#canvas, this.#words);
  }

  async show(url: string, name: string): Promise<void> {
    this.#wanted = url;
    this.#words.textContent = this.context.t("app.loading", { what: name });
    this.#canvas.width = 0;
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(String(answer.status));
      const points = pointsOf(await answer.arrayBuffer(), name || url);
      if (this.#wanted !== url) return;
      this.#words.textContent = points ? "" : this.context.t("tool.plain.noPreview");
      if (points) this.#draw(points);
    } catch {
      if (this.#wanted === url) this.#words.textContent = this.context.t("media.broken");
    }
  }

  #draw(points: Float32Array): void {
    const box = this.element.getBoundingClientRect();
    const [width, height] = [Math.round(box.width) || 1, Math.round(box.height) || 1];
    this.#canvas.width = width;
    this.#canvas.height = height;
    const brush = this.#canvas.getContext("2d");
    if (!brush) return;
    const [left, right] = ends(points, 0);
    const [low, high] = ends(points, 1);
    const [floor, top] = ends(points, 2);
    const scale = Math.min(width / (right - left || 1), height / (high - low || 1)) * 0.94;
    const picture = brush.createImageData(width, height);
    const size = points.length < 3 * FEW ? 2 : 1;
    for (let at = 0; at < points.length; at += 3) {
      const x = Math.round(width / 2 + (points[at]! - (left + right) / 2) * scale);
      const y = Math.round(height / 2 - (points[at + 1]! - (low + high) / 2) * scale);
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const share = Math.min(1, Math.max(0, (points[at + 2]! - floor) / (top - floor || 1)));
      for (let dot = 0; dot < size * size; dot += 1) {
        const [across, down] = [x + (dot % size), y + Math.floor(dot / size)];
        if (across < width && down < height)
          paint(picture.data, (down * width + across) * 4, share);
      }
    }
    brush.putImageData(picture, 0, 0);
  }
}

/** Low is blue, high is warm. */
function paint(pixels: Uint8ClampedArray, at: number, share: number): void {
  pixels[at] = 70 + 180 * share;
  pixels[at + 1] = 140 + 70 * (1 - Math.abs(share - 0.5) * 2);
  pixels[at + 2] = 230 - 150 * share;
  pixels[at + 3] = 255;
}

function ends(points: Float32Array, axis: number): [number, number] {
  const values = new Float32Array(Math.ceil((points.length - axis) / 3));
  for (let at = axis, to = 0; at < points.length; at += 3) values[to++] = points[at]!;
  values.sort();
  const cut = Math.floor(values.length * OUTLIERS);
  return [values[cut] ?? 0, values[values.length - 1 - cut] ?? 0];
}
