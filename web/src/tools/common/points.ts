/** Points of a cloud out of its file, as far as pages read them: PCD, and bare float32 x y z i. */
const MOST_POINTS = 300_000;
const HEAD_BYTES = 4096;

/** x, y, z of each point, in metres; undefined where the kind of file is not known. */
export function pointsOf(buffer: ArrayBuffer, name: string): Float32Array | undefined {
  const head = new TextDecoder("latin1").decode(buffer.slice(0, HEAD_BYTES));
  if (/^(#.*\n)*\s*VERSION/i.test(head)) return pcd(buffer, head);
  const bare = /\.bin(\?|$)/i.test(name) || !/\.[a-z]{3,4}(\?|$)/i.test(name);
  return bare && buffer.byteLength % 16 === 0
    ? strided(new DataView(buffer), 0, 16, 0, 4, 8)
    : undefined;
}

function pcd(buffer: ArrayBuffer, head: string): Float32Array | undefined {
  const said = (name: string) =>
    new RegExp(`^${name}\\s+(.*)$`, "im").exec(head)?.[1]?.trim().split(/\s+/) ?? [];
  const fields = said("FIELDS");
  const sizes = said("SIZE").map(Number);
  const counts = said("COUNT").map(Number);
  const data = /^DATA\s+(\S+)\s*?\n/im.exec(head);
  const columns = ["x", "y", "z"].map((one) => fields.indexOf(one));
  if (!data || columns.includes(-1)) return undefined;
  const start = data.index + data[0].length;
  if (data[1] === "ascii") return ascii(new TextDecoder().decode(buffer.slice(start)), columns);
  if (data[1] !== "binary" || columns.some((one) => sizes[one] !== 4)) return undefined;
  const offsets: number[] = [];
  let stride = 0;
  sizes.forEach((size, place) => {
    offsets.push(stride);
    stride += size * (counts[place] ?? 1);
  });
  const [x, y, z] = columns.map((one) => offsets[one]!);
  return strided(new DataView(buffer), start, stride, x!, y!, z!);
}

function ascii(text: string, columns: readonly number[]): Float32Array {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const step = Math.max(1, Math.ceil(lines.length / MOST_POINTS));
  const found: number[] = [];
  for (let line = 0; line < lines.length; line += step) {
    const parts = lines[line]!.trim().split(/\s+/);
    found.push(...columns.map((one) => Number(parts[one])));
  }
  return Float32Array.from(found);
}

function strided(
  view: DataView,
  start: number,
  stride: number,
  x: number,
  y: number,
  z: number,
): Float32Array {
  const count = Math.floor((view.byteLength - start) / stride);
  const step = Math.max(1, Math.ceil(count / MOST_POINTS));
  const points = new Float32Array(Math.ceil(count / step) * 3);
  for (let one = 0, to = 0; one < count; one += step) {
    const at = start + one * stride;
    points[to++] = view.getFloat32(at + x, true);
    points[to++] = view.getFloat32(at + y, true);
    points[to++] = view.getFloat32(at + z, true);
  }
  return points;
}
