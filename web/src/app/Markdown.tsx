/** Markdown of strangers: parsed, then cleaned; nothing in it runs, nothing is fetched from afar. */
import DOMPurify from "dompurify";
import { Marked } from "marked";
import { useMemo } from "react";

const marked = new Marked({ gfm: true, async: false });
const ANCHOR = /\s*\{#[a-z0-9-]+\}\s*$/gim;

/** Safe HTML. Pictures only from this server, links open elsewhere. */
export function clean(markdown: string): string {
  const html = marked.parse(markdown.replace(ANCHOR, "")) as string;
  return DOMPurify.sanitize(html, {
    FORBID_TAGS: ["style", "form", "input", "button", "iframe", "video", "audio", "svg", "math"],
    FORBID_ATTR: ["style", "id", "class", "name"],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#|\/v1\/|data:image\/(?:png|jpeg|webp);)/i,
  });
}

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
  if (node.tagName === "IMG" && /^https?:/i.test(node.getAttribute("src") ?? "")) {
    node.removeAttribute("src");
  }
});

export function Markdown({ text }: { text: string }) {
  const html = useMemo(() => clean(text), [text]);
  // biome-ignore lint/security/noDangerouslySetInnerHtml: DOMPurify has cleaned it.
  return <div className="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}
