/** Pictures that are loaded and decoded before they are needed. */
const KEPT = 12;
const loading = new Map<string, Promise<HTMLImageElement>>();

/** Another form of a file that the server keeps; the same address where it is none of its own. */
export function variantUrl(url: string, variant: "screen" | "peaks"): string {
  if (!/^\/v1\/.*\/blobs\//.test(url)) return url;
  return `${url}${url.includes("?") ? "&" : "?"}variant=${variant}`;
}

async function decoded(url: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.decoding = "async";
  image.draggable = false;
  image.src = url;
  await image.decode();
  return image;
}

/** A decoded picture: screen-sized where there is one, as it is otherwise. Rejects if neither is. */
export function pictureOf(url: string): Promise<HTMLImageElement> {
  let one = loading.get(url);
  if (!one) {
    const small = variantUrl(url, "screen");
    one = decoded(small).catch((error) => {
      if (small === url) throw error;
      return decoded(url);
    });
    one.catch(() => loading.delete(url));
    loading.set(url, one);
    const oldest = loading.keys().next().value;
    if (loading.size > KEPT && oldest !== undefined) loading.delete(oldest);
  }
  return one;
}
