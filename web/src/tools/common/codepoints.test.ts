import { describe, expect, it } from "vitest";
import { CodePoints } from "./codepoints";

describe("code points", () => {
  it("are units where no character takes two", () => {
    const text = new CodePoints("Ada 在奥斯陆");
    expect(text.length).toBe(8);
    expect([text.unit(5), text.point(5), text.slice(4, 6)]).toEqual([5, 5, "在奥"]);
  });

  it("count each emoji once, and lone surrogates too", () => {
    const said = "👩‍🚀 in 🇳🇴 \ud800!";
    const text = new CodePoints(said);
    expect(text.length).toBe([...said].length);
    for (let point = 0; point < text.length; point += 1) {
      const unit = text.unit(point);
      expect(text.point(unit)).toBe(point);
      expect(text.slice(point, point + 1)).toBe([...said][point]);
    }
    expect(text.point(1)).toBe(0);
    expect(text.unit(99)).toBe(said.length);
  });
});
