import { beforeEach, describe, expect, it, vi } from "vitest";
import { press, testContext, testTask } from "../common/bench";
import type { ToolInstance } from "../contract";
import { tool } from ".";

const TOPICS = {
  shape: "choices",
  classes: ["economy/markets", "economy/work", "sport"],
  min_objects: 1,
  max_objects: 2,
};
const MANY = {
  shape: "choice",
  classes: Array.from({ length: 500 }, (_, place) => `species ${place}`),
};

let box: HTMLElement;
let stage: ToolInstance;
beforeEach(() => {
  document.body.replaceChildren();
  box = document.body.appendChild(document.createElement("div"));
  stage = tool.mount(box, testContext());
});
const rows = () => [...box.querySelectorAll<HTMLElement>("[role=option]")];
const chosen = () => stage.value().choices?.classes;

describe("choices", () => {
  it("gives back what it was given, also a class it does not know", async () => {
    const value = { choices: { classes: ["sport", "gone"] } };
    await stage.load(testTask(TOPICS, { text: "x" }), value, "edit");
    expect(stage.value()).toEqual(value);
    expect(stage.faults()[0]?.message).toContain("unknownClass");
  });

  it("chooses by keys in the schema's order, and undoes", async () => {
    await stage.load(testTask(TOPICS, { text: "x" }), undefined, "edit");
    expect(stage.faults()[0]?.message).toContain("tooFew");
    press(stage, "3");
    press(stage, "1");
    expect(chosen()).toEqual(["economy/markets", "sport"]);
    expect(stage.faults()).toEqual([]);
    press(stage, "2");
    expect(stage.faults()[0]?.message).toContain("tooMany");
    stage.undo();
    press(stage, "1");
    expect(chosen()).toEqual(["sport"]);
    stage.undo();
    stage.undo();
    stage.undo();
    expect(chosen()).toEqual([]);
    expect(stage.canUndo()).toBe(false);
    stage.redo();
    expect(chosen()).toEqual(["sport"]);
  });

  it("has one class at most where one is asked", async () => {
    await stage.load(testTask(MANY, { text: "x" }), undefined, "edit");
    expect(stage.faults()).toHaveLength(1);
    press(stage, "1");
    press(stage, "Shift+2");
    expect(chosen()).toEqual(["species 11"]);
  });

  it("keeps few rows of 500 classes and finds each of them", async () => {
    await stage.load(testTask(MANY, { text: "x" }), undefined, "edit");
    expect(rows().length).toBeLessThan(60);
    press(stage, "/");
    const input = box.querySelector<HTMLInputElement>("input[type=search]")!;
    expect(document.activeElement).toBe(input);
    input.value = "ECIES 487";
    input.dispatchEvent(new Event("input"));
    expect(rows().map((row) => row.querySelector(".class-title")?.textContent)).toEqual([
      "species 487",
    ]);
    const composing = new KeyboardEvent("keydown", { key: "Enter", isComposing: true });
    input.dispatchEvent(composing);
    expect(chosen()).toEqual([]);
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    expect(chosen()).toEqual(["species 487"]);
    expect(document.activeElement).not.toBe(input);
  });

  it("puts classes under the heading of their tree", async () => {
    await stage.load(testTask(TOPICS, { text: "x" }), undefined, "edit");
    const titles = [...box.querySelectorAll(".class-row")].map((row) =>
      row.classList.contains("heading")
        ? `# ${row.textContent}`
        : row.querySelector(".class-title")?.textContent,
    );
    expect(titles).toEqual(["# economy", "markets", "work", "sport"]);
  });

  it("takes a suggestion with one key, and shows none where the task is blind", async () => {
    const prediction = { value: { choices: { classes: ["sport"] } }, score: 0.9 };
    const task = testTask(TOPICS, { text: "x" }, { prediction });
    await stage.load(task, undefined, "edit");
    expect(chosen()).toEqual(["sport"]);
    expect(box.querySelector(".suggested .class-score")?.textContent).toBe("0.90");
    press(stage, "A");
    expect(box.querySelector(".suggested")).toBeNull();
    expect(chosen()).toEqual(["sport"]);
    stage.undo();
    press(stage, "X");
    expect(chosen()).toEqual([]);
    await stage.load(testTask(TOPICS, { text: "x" }), undefined, "blind");
    expect(chosen()).toEqual([]);
  });

  it("changes nothing where it is only read", async () => {
    const heard = vi.fn();
    stage.onChange(heard);
    await stage.load(
      testTask(TOPICS, { text: "x" }),
      { choices: { classes: ["sport"] } },
      "readonly",
    );
    rows()[0]!.click();
    expect(chosen()).toEqual(["sport"]);
    expect(heard).not.toHaveBeenCalled();
    expect(() => press(stage, "1")).toThrow();
  });

  it("shows what others chose, and what differs", async () => {
    await stage.load(
      testTask(TOPICS, { text: "x" }),
      { choices: { classes: ["sport"] } },
      "review",
    );
    stage.compare?.([
      { label: "Answer 1", value: { choices: { classes: ["sport"] } } },
      { label: "Answer 2", value: { choices: { classes: ["economy/work"] } } },
    ]);
    const said = [...box.querySelectorAll(".tool-compare-row")].map((row) => row.textContent);
    expect(said[0]).toContain("answers.same");
    expect(box.querySelectorAll(".tool-added")).toHaveLength(1);
    expect(box.querySelectorAll(".tool-gone")).toHaveLength(1);
    await stage.load(testTask(TOPICS, { text: "y" }), undefined, "edit");
    expect(box.querySelectorAll(".tool-compare-row")).toHaveLength(0);
  });

  it("shows hostile text as text", async () => {
    const evil = '<img src=x onerror="window.owned=1"><script>owned=1';
    const schema = { shape: "choice", classes: [{ name: evil, description: evil }] };
    await stage.load(testTask(schema, { text: evil }), undefined, "edit");
    expect(box.querySelector("script")).toBeNull();
    expect(box.querySelector("[onerror]")).toBeNull();
    expect(box.querySelector(".item-text")?.textContent).toBe(evil);
    expect(box.querySelector(".class-title")?.textContent).toBe(evil);
  });
});
