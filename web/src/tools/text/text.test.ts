import { beforeEach, describe, expect, it } from "vitest";
import { press, testContext, testTask } from "../common/bench";
import type { ToolInstance } from "../contract";
import { tool } from ".";

const NAMES = { shape: "spans", classes: ["person", "place", "organization"], max_objects: 3 };
const RELATED = {
  ...NAMES,
  max_objects: 20,
  relations: [
    { class: "works_for", heads: ["person"], tails: ["organization"] },
    { class: "located_in", heads: ["organization", "place"], tails: ["place"] },
  ],
};
const TEXT = "Ada Berg works for Nordlys in Oslo.";

let box: HTMLElement;
let stage: ToolInstance;
let context: ReturnType<typeof testContext>;
beforeEach(() => {
  document.body.replaceChildren();
  box = document.body.appendChild(document.createElement("div"));
  context = testContext();
  stage = tool.mount(box, context);
});
const spans = () => stage.value().spans?.spans ?? [];
const rows = () => stage.objects?.() ?? [];

function drag(start: number, end: number, keys: PointerEventInit = {}): void {
  const node = box.querySelector(".spans-body")!.firstChild!;
  const page = box.querySelector(".spans-page")!;
  page.dispatchEvent(new PointerEvent("pointerdown", { button: 0, bubbles: true }));
  document.getSelection()!.setBaseAndExtent(node, start, node, end);
  window.dispatchEvent(new PointerEvent("pointerup", keys));
}

describe("text", () => {
  it("gives back what it was given", async () => {
    const value = {
      spans: {
        spans: [
          { id: "e1", end: 8, class: "person", attributes: { sure: "yes" } },
          { id: "e2", start: 19, end: 26, class: "organization", score: 0.5, source: "HUMAN" },
          { start: 30, end: 34, class: "place" },
        ],
        relations: [{ class: "works_for", head: "e1", tail: "e2" }],
      },
    };
    for (const mode of ["edit", "review", "readonly", "blind"] as const) {
      await stage.load(testTask(RELATED, { text: TEXT }), value, mode);
      expect(stage.value()).toEqual(value);
    }
  });

  it("marks whole words by keys alone", async () => {
    await stage.load(testTask(NAMES, { text: TEXT }), undefined, "edit");
    press(stage, "ArrowRight");
    press(stage, "Shift+ArrowRight");
    press(stage, "1");
    expect(spans()).toEqual([{ end: 8, class: "person" }]);
    press(stage, "ArrowRight");
    press(stage, "ArrowRight");
    press(stage, "2");
    expect(rows()[1]?.detail).toBe("for");
    press(stage, "3");
    expect(spans()[1]?.class).toBe("organization");
    stage.undo();
    stage.undo();
    expect(spans()).toHaveLength(1);
    stage.redo();
    expect(spans()).toHaveLength(2);
  });

  it("counts code points where characters take two units", async () => {
    const text = "👩‍🚀 Ada is in 🇳🇴 Oslo.";
    await stage.load(testTask(NAMES, { text }), undefined, "edit");
    const unit = text.indexOf("Oslo");
    drag(unit + 1, unit + 3);
    press(stage, "2");
    const [span] = spans();
    expect([...text].slice(span!.start, span!.end).join("")).toBe("Oslo");
    expect(span!.start).toBeLessThan(unit);
    expect(stage.faults()).toEqual([]);
  });

  it("snaps to words, to characters with Alt, and without spaces around", async () => {
    await stage.load(testTask(NAMES, { text: TEXT }), undefined, "edit");
    drag(1, 6);
    press(stage, "1");
    drag(3, 7, { altKey: true });
    press(stage, "2");
    expect(spans().map((one) => [one.start ?? 0, one.end])).toEqual([
      [0, 8],
      [4, 7],
    ]);
  });

  it("marks by characters in Chinese, and right to left", async () => {
    await stage.load(testTask(NAMES, { text: "阿达在奥斯陆工作" }), undefined, "edit");
    drag(3, 6);
    press(stage, "2");
    expect(spans()).toEqual([{ start: 3, end: 6, class: "place" }]);
    await stage.load(testTask(NAMES, { text: "تعيش آدا في أوسلو" }), undefined, "edit");
    drag(13, 15);
    press(stage, "2");
    expect(rows()[0]?.detail).toBe("أوسلو");
  });

  it("marks at once with the class that is on, and lets spans overlap", async () => {
    await stage.load(testTask(NAMES, { text: "University of Oslo" }), undefined, "edit");
    press(stage, "3");
    drag(0, 18);
    press(stage, "Escape");
    press(stage, "2");
    drag(14, 18);
    expect(spans()).toEqual([
      { end: 18, class: "organization" },
      { start: 14, end: 18, class: "place" },
    ]);
  });

  it("moves the ends of a span", async () => {
    await stage.load(
      testTask(NAMES, { text: TEXT }),
      { spans: { spans: [{ end: 3, class: "person" }] } },
      "edit",
    );
    press(stage, "Tab");
    press(stage, "Shift+ArrowRight");
    expect(spans()[0]?.end).toBe(8);
    press(stage, "Alt+ArrowRight");
    expect(spans()[0]).toEqual({ start: 4, end: 8, class: "person" });
    press(stage, "Backspace");
    expect(spans()).toEqual([]);
  });

  it("draws relations as the template allows them", async () => {
    await stage.load(testTask(RELATED, { text: TEXT }), undefined, "edit");
    for (const [start, end, key] of [
      [0, 8, "1"],
      [19, 26, "3"],
      [30, 34, "2"],
    ] as const) {
      drag(start, end);
      press(stage, key);
      stage.select?.(undefined);
    }
    const [person, company, place] = rows().map((one) => one.id);
    stage.select?.(person);
    press(stage, "R");
    stage.select?.(place);
    expect(context.said[0]).toContain("noRelation");
    stage.select?.(company);
    expect(stage.value().spans?.relations).toEqual([
      { class: "works_for", head: "s1", tail: "s2" },
    ]);
    expect(rows()[3]?.detail).toBe("Ada Berg → Nordlys");
    expect(stage.faults()).toEqual([]);
    stage.setClass?.(person, "place");
    expect(stage.faults()[0]?.object).toBe(rows()[3]?.id);
    stage.remove?.(company!);
    expect(stage.value().spans?.relations).toBeUndefined();
    stage.undo();
    expect(stage.value().spans?.relations).toHaveLength(1);
  });

  it("refuses circles, unknown classes, attributes and places as the server does", async () => {
    const schema = {
      ...RELATED,
      classes: ["place"],
      attributes: [{ name: "kind", type: "choice" as const, choices: ["city"], required: true }],
    };
    const kind = { attributes: { kind: "city" } };
    const value = {
      spans: {
        spans: [
          { id: "a", end: 3, class: "place", ...kind },
          { id: "b", start: 4, end: 99, class: "place", ...kind },
          { start: 9, end: 14, class: "river" },
        ],
        relations: [
          { class: "located_in", head: "a", tail: "b", ...kind },
          { class: "located_in", head: "b", tail: "a", ...kind },
        ],
      },
    };
    await stage.load(testTask(schema, { text: TEXT }), value, "edit");
    const said = stage.faults().map((one) => one.message.split(" ")[0]);
    expect(said).toEqual([
      "spans.place",
      "tool.fault.unknownClass",
      "tool.fault.attribute",
      "spans.circle",
    ]);
  });

  it("walks suggestions, least sure first, and remembers what was said to them", async () => {
    const prediction = {
      score: 0.8,
      value: {
        spans: {
          spans: [
            { end: 8, class: "person", score: 0.9 },
            { start: 19, end: 26, class: "organization", score: 0.4 },
            { start: 30, end: 34, class: "place", score: 0.7 },
          ],
        },
      },
    };
    const task = testTask(NAMES, { text: TEXT }, { prediction });
    await stage.load(task, undefined, "edit");
    expect(rows().every((one) => one.state === "suggested")).toBe(true);
    press(stage, "Tab");
    press(stage, "X");
    press(stage, "A");
    press(stage, "2");
    expect(rows().map((one) => one.state)).toEqual(["modified", "rejected", "accepted"]);
    expect(spans().map((one) => one.source)).toEqual(["HUMAN", "CONFIRMED"]);
    await stage.load(task, stage.value(), "edit");
    expect(rows().map((one) => one.state)).toEqual(["modified", "accepted"]);
    await stage.load(testTask(NAMES, { text: TEXT }, { prediction }), undefined, "blind");
    expect(rows()).toEqual([]);
  });

  it("shows what differs in other answers, and hostile text as text", async () => {
    const evil = '<img src=x onerror="owned=1">';
    await stage.load(
      testTask(NAMES, { text: evil }),
      { spans: { spans: [{ end: 4, class: evil }] } },
      "review",
    );
    stage.compare?.([
      { label: "Answer 1", value: { spans: { spans: [{ end: 5, class: "place" }] } } },
    ]);
    expect(box.querySelectorAll(".tool-added")).toHaveLength(1);
    expect(box.querySelectorAll(".tool-gone")).toHaveLength(1);
    expect(box.querySelector("img")).toBeNull();
    expect(box.querySelector(".spans-body")?.textContent).toBe(evil);
  });

  it("keeps one node for the text, however long", async () => {
    const text = "The train to Oslo leaves at nine. ".repeat(300);
    await stage.load(testTask(NAMES, { text }), undefined, "edit");
    expect(box.querySelector(".spans-body")?.childNodes.length).toBe(1);
  });

  it("changes nothing where it is only read", async () => {
    await stage.load(testTask(NAMES, { text: TEXT }), undefined, "readonly");
    drag(0, 3);
    expect(() => press(stage, "1")).toThrow();
    expect(spans()).toEqual([]);
  });
});
