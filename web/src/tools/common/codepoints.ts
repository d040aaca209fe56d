/** Places in a text: the API counts Unicode code points, the browser UTF-16 units. */
export class CodePoints {
  readonly length: number;
  /** Units at which each code point begins; none where every one is a single unit. */
  #units: Int32Array | undefined;

  constructor(readonly text: string) {
    if (!/[\ud800-\udfff]/.test(text)) {
      this.length = text.length;
      return;
    }
    const units = new Int32Array(text.length + 1);
    let count = 0;
    for (let unit = 0; unit < text.length; count += 1) {
      units[count] = unit;
      unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
    }
    units[count] = text.length;
    this.length = count;
    this.#units = units.subarray(0, count + 1);
  }

  /** The unit at which a code point begins; places beyond the text are its end. */
  unit(point: number): number {
    const place = Math.min(Math.max(point, 0), this.length);
    return this.#units ? this.#units[place]! : place;
  }

  /** The code point that a unit belongs to. */
  point(unit: number): number {
    if (!this.#units) return Math.min(Math.max(unit, 0), this.length);
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#units[middle]! <= unit) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  slice(start: number, end: number): string {
    return this.text.slice(this.unit(start), this.unit(end));
  }
}
