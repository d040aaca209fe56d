import { beforeEach, describe, expect, it } from "vitest";
import type { Value } from "@/desk/value";
import { press, testContext, testTask } from "../common/bench";
import { changes, similarity } from "../common/diff";
import type { ToolInstance } from "../contract";
import { tool } from ".";
import { stretchOf } from "./plainText";

const KINDS = ["fact", "tone", "grammar"];
const REWRITE = { shape: "rewrite", classes: KINDS };
const ITEM = { prompt: "When does the shop open?", answer: "We is open from 9." };
const EVIL = '<img src=x onerror="owned=1">';

let box: HTMLElement;
let stage: ToolInstance;
beforeEach(() => {
  document.body.replaceChildren();
  box = document.body.appendChild(document.createElement("div"));
  stage = tool.mount(box, testContext());
});
const field = (label: string) =>
  box.querySelector<HTMLInputElement | HTMLTextAreaElement>(`[aria-label="${label}"]`)!;
const write = (label: string, text: string) => {
  field(label).value = text;
  field(label).dispatchEvent(new InputEvent("input"));
};

describe("changes", () => {
  it("are told by words, also without spaces and with emoji", () => {
    expect(changes("We is open.", "We are open.")).toEqual([
      { text: "We ", kind: "same" },
      { text: "is", kind: "gone" },
      { text: "are", kind: "new" },
      { text: " open.", kind: "same" },
    ]);
    const parts = changes("商店九点开门👩‍🚀", "商店十点开门👩‍🚀")!;
    expect(parts.filter((one) => one.kind === "same").map((one) => one.text)).toContain("商店");
    expect(similarity(changes("a b", "a b")!)).toBe(1);
    expect(similarity(changes("", "")!)).toBe(1);
    expect(similarity(changes("abc", "xyz")!)).toBe(0);
  });
});

describe("text", () => {
  const task = testTask({ shape: "text", texts: true }, { image: 1 });

  it("is written, told where it lacks, and undone", async () => {
    await stage.load(task, undefined, "edit");
    expect(stage.faults()).toHaveLength(1);
    expect(document.activeElement).toBe(field("tool.write.answer"));
    write("tool.write.answer", "A woman 👩‍🚀 in red.");
    expect(stage.value()).toEqual({ text: { text: "A woman 👩‍🚀 in red." } });
    expect(stage.faults()).toEqual([]);
    stage.undo();
    expect(field("tool.write.answer").value).toBe("");
  });

  it("takes nothing while an input method composes, and Escape leaves", async () => {
    await stage.load(task, undefined, "edit");
    const input = field("tool.write.answer");
    input.value = "ni";
    input.dispatchEvent(new InputEvent("input", { isComposing: true }));
    expect(stage.value().text?.text).toBe("");
    input.value = "你";
    input.dispatchEvent(new Event("compositionend"));
    expect(stage.value().text?.text).toBe("你");
    press(stage, "Escape");
    expect(document.activeElement).not.toBe(input);
  });

  it("is one step of undo for a run of keys", async () => {
    await stage.load(task, undefined, "edit");
    for (const text of ["A", "A ", "A b"]) write("tool.write.answer", text);
    stage.undo();
    expect(stage.value().text?.text).toBe("");
    expect(stage.canUndo()).toBe(false);
  });

  it("begins with the text that is to be corrected, and shows what changed", async () => {
    await stage.load(testTask({ shape: "text" }, { text: "teh mat" }), undefined, "edit");
    expect(stage.value().text?.text).toBe("teh mat");
    write("tool.write.answer", "the mat");
    expect(box.querySelector(".write-changes ins")?.textContent).toBe("the");
    press(stage, "Escape");
    await stage.load(
      testTask({ shape: "text", texts: true }, { text: "a question" }),
      undefined,
      "edit",
    );
    expect(stage.value().text?.text).toBe("");
  });

  it("begins with the draft of a model, but not where the task is blind", async () => {
    const prediction = { score: 0.9, value: { text: { text: "the train" } } };
    const heard = testTask({ shape: "text", texts: true }, { audio: 1 }, { prediction });
    await stage.load(heard, undefined, "edit");
    expect(stage.value().text?.text).toBe("the train");
    await stage.load(testTask(heard.schema, heard.data), undefined, "blind");
    expect(stage.value().text?.text).toBe("");
  });

  it("knows the stretch of sound that a task of one segment is about", () => {
    const inputs = {
      segments: {
        segments: [
          { id: "a", end: 1 },
          { id: "b", start: 2, end: 3 },
        ],
      },
    };
    expect(stretchOf(testTask({ shape: "text" }, {}, { inputs, element: "b" }))).toEqual({
      start: 2,
      end: 3,
    });
    expect(stretchOf(testTask({ shape: "text" }, {}, { inputs, element: "0" }))).toEqual({
      start: 0,
      end: 1,
    });
    expect(stretchOf(testTask({ shape: "text" }, {}))).toBeUndefined();
  });

  it("plays and pauses from within the text", async () => {
    const media = [{ field: "audio", url: "/s.wav", type: "audio" }];
    await stage.load(
      testTask(
        { shape: "text", texts: true },
        { audio: "x" },
        { media, fields: [{ name: "audio", type: "audio" }] },
      ),
      undefined,
      "edit",
    );
    const sound = box.querySelector("audio")!;
    let played = 0;
    sound.play = async () => {
      played += 1;
    };
    const key = new KeyboardEvent("keydown", { key: "F4", cancelable: true });
    field("tool.write.answer").dispatchEvent(key);
    expect([played, key.defaultPrevented]).toEqual([1, true]);
  });
});

describe("rewrite", () => {
  it("begins with the answer of the item, and keeps what is said of it", async () => {
    const task = testTask(REWRITE, ITEM);
    await stage.load(task, undefined, "edit");
    expect(stage.value()).toEqual({ rewrite: { before: ITEM.answer, after: ITEM.answer } });
    write("tool.write.after", "We open at 9.");
    press(stage, "3");
    const alt = new KeyboardEvent("keydown", { key: "1", code: "Digit1", altKey: true });
    field("tool.write.after").dispatchEvent(alt);
    write("tool.dialogue.reason", "plainer");
    const value = {
      rewrite: {
        before: ITEM.answer,
        after: "We open at 9.",
        classes: ["fact", "grammar"],
        reason: "plainer",
      },
    };
    expect(stage.value()).toEqual(value);
    expect(stage.faults()).toEqual([]);
    for (const mode of ["edit", "review", "readonly", "blind"] as const) {
      await stage.load(task, value, mode);
      expect(stage.value()).toEqual(value);
    }
  });

  it("refuses an empty text, unknown kinds, and another item's text", async () => {
    await stage.load(
      testTask(REWRITE, ITEM),
      { rewrite: { before: "other", after: " ", classes: ["colour"] } },
      "edit",
    );
    expect(stage.faults().map((one) => one.field)).toEqual([
      "rewrite.before",
      "rewrite.after",
      "rewrite.classes",
    ]);
  });

  it("shows other answers against it, and hostile text as text", async () => {
    const item = { prompt: EVIL, answer: EVIL };
    await stage.load(testTask(REWRITE, item), undefined, "review");
    stage.compare?.([
      {
        label: "Answer 1",
        value: { rewrite: { before: EVIL, after: `${EVIL} more`, classes: ["tone"] } },
      },
    ]);
    expect(box.querySelector(".tool-compare ins")?.textContent).toContain("more");
    expect(box.querySelector("img")).toBeNull();
    expect(box.querySelector(".write-before .item-text")?.textContent).toBe(EVIL);
  });

  it("changes nothing where it is only read", async () => {
    await stage.load(testTask(REWRITE, ITEM), undefined, "readonly");
    expect(field("tool.write.after").readOnly).toBe(true);
    expect(() => press(stage, "1")).toThrow();
  });
});

describe("prompt", () => {
  const task = testTask(
    { shape: "prompt", classes: ["writing", "support"] },
    { purpose: "Summaries" },
  );
  const prompt = () => stage.value().prompt!;

  it("has a row for each variable that its texts name", async () => {
    await stage.load(task, undefined, "edit");
    expect(stage.faults().map((one) => one.message)).toEqual(["tool.fault.promptMissing"]);
    write("tool.write.prompt", "Sum up {{ notes }} in {{count}} lines");
    write("notes: tool.write.description", "Notes of a meeting");
    write("count: writing.default", "3");
    box.querySelector<HTMLInputElement>("input[type=checkbox]")!.click();
    expect(prompt().variables).toEqual([
      { name: "notes", description: "Notes of a meeting", required: true },
      { name: "count", default: "3" },
    ]);
    write("tool.write.prompt", "Sum up in {{count}} lines");
    expect(prompt().variables).toEqual([{ name: "count", default: "3" }]);
    write("tool.write.prompt", "Sum up {{notes}} in {{count}} lines");
    expect(prompt().variables?.[1]?.description).toBe("Notes of a meeting");
    expect(stage.faults()).toEqual([]);
    expect(box.querySelector(".prompt-preview")?.textContent).toBe("Sum up {{notes}} in 3 lines");
  });

  it("wants required variables in each example, and only known values", async () => {
    const value: Value = {
      prompt: {
        title: "T",
        text: "{{tone}} {{n}}",
        variables: [{ name: "tone", choices: ["kind", "dry"], required: true }, { name: "n" }],
        examples: [{ variables: { tone: "loud" }, output: "x" }, { variables: {} }],
        language: "en",
      },
    };
    await stage.load(task, value, "edit");
    expect(stage.value()).toEqual(value);
    expect(stage.faults().map((one) => one.field)).toEqual([
      "prompt.examples[0].variables.tone",
      "prompt.examples[1].variables.tone",
    ]);
    write("tone", "kind");
    expect(stage.faults()).toHaveLength(1);
    box.querySelectorAll<HTMLElement>("[aria-label='writing.removeExample']")[1]!.click();
    expect(stage.faults()).toEqual([]);
    expect(prompt().examples).toEqual([{ variables: { tone: "kind" }, output: "x" }]);
  });

  it("tells names that are none", async () => {
    await stage.load(task, { prompt: { text: "{{名字}}", variables: [{ name: "名字" }] } }, "edit");
    expect(stage.faults()[0]?.message).toContain("badName");
  });
});
