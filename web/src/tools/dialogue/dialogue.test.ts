import { beforeEach, describe, expect, it } from "vitest";
import { press, testContext, testTask } from "../common/bench";
import type { ToolInstance, ToolTask } from "../contract";
import { tool } from ".";
import { candidatesOf } from "./candidates";

const SCALES = [{ name: "helpfulness", min: 1, max: 5, step: 1, level: "ordinal" as const }];
const PAIR = { shape: "preference", ties: true };
const RANKED = { shape: "ranking", ties: true };
const TALK = { shape: "conversation", ties: true, max_objects: 6, scales: SCALES };
const TWO = [
  { id: "gpt-x", text: "Thirteen." },
  { id: "llama-y", text: "Twelve." },
];
const THREE = [...TWO, { id: "z", text: "Eleven." }];
const ASKED = [{ role: "user", content: "How long do I boil an egg?" }];

let box: HTMLElement;
let stage: ToolInstance;
beforeEach(() => {
  document.body.replaceChildren();
  box = document.body.appendChild(document.createElement("div"));
  stage = tool.mount(box, testContext());
});
const idOf = (task: ToolTask, letter: string) =>
  candidatesOf(task).find((one) => one.letter === letter)!.id;
const write = (field: HTMLTextAreaElement, text: string) => {
  field.value = text;
  field.dispatchEvent(new InputEvent("input"));
};
const fields = () => [...box.querySelectorAll<HTMLTextAreaElement>("textarea")];

describe("order of candidates", () => {
  it("stays with the task, differs between tasks, and tells no names", async () => {
    const of = (id: string) => testTask(RANKED, { prompt: "?", candidates: THREE }, { id });
    const order = (id: string) =>
      candidatesOf(of(id))
        .map((one) => one.id)
        .join();
    expect(order("a")).toBe(order("a"));
    const orders = new Set(Array.from({ length: 60 }, (_, number) => order(`t${number}`)));
    expect(orders.size).toBe(6);
    await stage.load(of("a"), undefined, "edit");
    expect(box.innerHTML).not.toMatch(/gpt|llama/);
  });
});

describe("preference", () => {
  const task = testTask(PAIR, { prompt: "A prime above ten?", candidates: TWO });

  it("is said with one key, its strength with another", async () => {
    await stage.load(task, undefined, "edit");
    expect(stage.faults()).toHaveLength(1);
    press(stage, "2");
    press(stage, "Shift+3");
    const [chosen, rejected] = [idOf(task, "B"), idOf(task, "A")];
    expect(stage.value()).toEqual({
      preference: { outcome: "CHOSEN", chosen, rejected, strength: 3 },
    });
    expect(stage.faults()).toEqual([]);
    press(stage, "3");
    expect(stage.value().preference).toEqual({
      outcome: "TIE",
      chosen: "gpt-x",
      rejected: "llama-y",
    });
    stage.undo();
    expect(stage.value().preference?.outcome).toBe("CHOSEN");
  });

  it("allows no tie where the template allows none", async () => {
    await stage.load(testTask({ shape: "preference" }, task.data), undefined, "edit");
    press(stage, "3");
    expect(stage.value().preference?.outcome).toBe("BOTH_BAD");
    await stage.load(
      testTask({ shape: "preference" }, task.data),
      { preference: { outcome: "TIE" } },
      "edit",
    );
    expect(stage.faults()).toHaveLength(1);
  });

  it("asks for each rating in turn, by digits", async () => {
    await stage.load(testTask({ ...PAIR, scales: SCALES }, task.data), undefined, "edit");
    press(stage, "1");
    press(stage, "Tab");
    press(stage, "5");
    press(stage, "2");
    expect(stage.faults()).toEqual([]);
    expect(stage.value().preference?.ratings).toEqual([
      { scale: "helpfulness", value: 5, subject: idOf(task, "A") },
      { scale: "helpfulness", value: 2, subject: idOf(task, "B") },
    ]);
  });

  it("gives back what it was given, in every mode", async () => {
    const preference = {
      outcome: "CHOSEN" as const,
      chosen: "gpt-x",
      rejected: "llama-y",
      strength: 2,
      ratings: [{ scale: "helpfulness", value: 5, subject: "gpt-x" }],
      reason: "because",
    };
    for (const mode of ["edit", "review", "readonly", "blind"] as const) {
      await stage.load(task, { preference }, mode);
      expect(stage.value()).toEqual({ preference });
    }
    await stage.load(task, { preference }, "readonly");
    expect(() => press(stage, "1")).toThrow();
    box.querySelector<HTMLElement>(".card-letter")!.click();
    expect(stage.value()).toEqual({ preference });
  });

  it("shows what others said, without ids", async () => {
    await stage.load(task, undefined, "review");
    press(stage, "1");
    stage.compare?.([{ label: "Answer 1", value: { preference: { outcome: "BOTH_BAD" } } }]);
    expect(box.querySelector(".tool-added")?.textContent).toBe("tool.dialogue.bothBad");
    expect(box.innerHTML).not.toMatch(/gpt|llama/);
  });
});

describe("ranking", () => {
  const task = testTask(RANKED, { prompt: "?", candidates: THREE });

  it("ranks by digits, one candidate after the other, with ties", async () => {
    await stage.load(task, undefined, "edit");
    press(stage, "2");
    press(stage, "1");
    expect(stage.faults()).toHaveLength(1);
    press(stage, "2");
    const [a, b, c] = ["A", "B", "C"].map((letter) => idOf(task, letter));
    const [best, rest] = stage.value().ranking!.groups!;
    expect(best).toEqual({ ids: [b] });
    expect(new Set(rest!.ids)).toEqual(new Set([a, c]));
    expect(stage.faults()).toEqual([]);
  });

  it("swaps where no ties are allowed", async () => {
    const strict = testTask({ shape: "ranking" }, task.data);
    await stage.load(
      strict,
      { ranking: { groups: [{ ids: ["z"] }, { ids: ["gpt-x"] }, { ids: ["llama-y"] }] } },
      "edit",
    );
    const place = candidatesOf(strict).findIndex((one) => one.id === "llama-y");
    for (let step = 0; step < place; step += 1) press(stage, "Tab");
    press(stage, "1");
    expect(stage.value().ranking?.groups?.map((one) => one.ids)).toEqual([
      ["llama-y"],
      ["gpt-x"],
      ["z"],
    ]);
    expect(() => press(stage, "T")).toThrow();
  });

  it("moves up and down, ties with the one above, and calls one unacceptable", async () => {
    await stage.load(task, { ranking: { groups: [{ ids: ["z"] }, { ids: ["gpt-x"] }] } }, "edit");
    const place = candidatesOf(task).findIndex((one) => one.id === "llama-y");
    for (let step = 0; step < place; step += 1) press(stage, "Tab");
    press(stage, "U");
    expect(stage.faults()).toEqual([]);
    press(stage, "T");
    expect(stage.value().ranking).toEqual({
      groups: [{ ids: ["z"] }, { ids: ["gpt-x", "llama-y"] }],
      unacceptable: ["llama-y"],
    });
    press(stage, "ArrowUp");
    expect(stage.value().ranking?.groups?.[0]?.ids).toContain("llama-y");
  });

  it("ranks by dragging letters", async () => {
    await stage.load(task, undefined, "edit");
    const [first, , , left] = box.querySelectorAll<HTMLElement>(".rank-place");
    const carried = new Map<string, string>();
    const transfer = {
      setData: (kind: string, text: string) => carried.set(kind, text),
      getData: (kind: string) => carried.get(kind) ?? "",
    };
    const send = (to: Element, type: string) =>
      to.dispatchEvent(
        Object.assign(new Event(type, { cancelable: true }), { dataTransfer: transfer }),
      );
    send(left!.querySelector(".rank-chip")!, "dragstart");
    send(first!, "drop");
    expect(stage.value().ranking?.groups).toEqual([{ ids: [idOf(task, "A")] }]);
  });
});

describe("ratings", () => {
  it("rate the item by digits, and numbers off the scale are told", async () => {
    const schema = {
      shape: "ratings",
      scales: [...SCALES, { name: "price", min: 0, max: 100, step: 0.5, level: "ratio" as const }],
    };
    await stage.load(testTask(schema, { text: "x" }), undefined, "edit");
    press(stage, "4");
    const number = box.querySelector<HTMLInputElement>("input[type=number]")!;
    number.value = "3.25";
    number.dispatchEvent(new InputEvent("input"));
    expect(stage.value().ratings?.ratings).toEqual([
      { scale: "helpfulness", value: 4 },
      { scale: "price", value: 3.25 },
    ]);
    expect(stage.faults()[0]?.message).toContain("scale");
    number.value = "3.5";
    number.dispatchEvent(new InputEvent("input"));
    expect(stage.faults()).toEqual([]);
  });
});

describe("conversation", () => {
  const task = testTask(TALK, { conversation: ASKED });
  const turns = () => stage.value().conversation?.turns ?? [];

  it("keeps the item's turns and asks for the answer", async () => {
    await stage.load(task, undefined, "edit");
    expect(turns()[0]).toEqual(ASKED[0]);
    expect(stage.faults().some((one) => one.message.includes("replyMissing"))).toBe(true);
    write(fields()[0]!, "Six minutes. 🥚");
    expect(turns()[1]).toEqual({ role: "assistant", content: "Six minutes. 🥚" });
    expect(stage.faults()).toEqual([]);
  });

  it("takes nothing while an input method composes", async () => {
    await stage.load(task, undefined, "edit");
    const [field] = fields();
    field!.value = "liu";
    field!.dispatchEvent(new InputEvent("input", { isComposing: true }));
    expect(turns()[1]?.content).toBe("");
    field!.value = "六分钟";
    field!.dispatchEvent(new Event("compositionend"));
    expect(turns()[1]?.content).toBe("六分钟");
  });

  it("goes on with the best of the replies, in an order of chance", async () => {
    const replies = THREE.map(({ id, text }) => ({ id, content: text }));
    const value = {
      conversation: { turns: [...ASKED, { role: "assistant", content: "", replies }] },
    } as never;
    await stage.load(task, value, "edit");
    expect(stage.value()).toEqual(value);
    expect(stage.faults().length).toBe(4);
    const shown = [...box.querySelectorAll(".cand .prose")].map((one) => one.textContent?.trim());
    for (const rank of ["2", "1", "3"]) {
      press(stage, rank);
      press(stage, "5");
    }
    expect(turns()[1]?.content).toBe(shown[1]);
    expect(turns()[1]?.replies?.every((one) => one.ratings?.[0]?.value === 5)).toBe(true);
    expect(stage.faults()).toEqual([]);
  });

  it("adds replies and turns, and takes them back", async () => {
    await stage.load(testTask({ ...TALK, scales: [] }, { conversation: ASKED }), undefined, "edit");
    write(fields()[0]!, "Six.");
    press(stage, "=");
    expect(fields().map((one) => one.value)).toEqual(["Six.", ""]);
    write(fields()[1]!, "Ten.");
    press(stage, "2");
    press(stage, "1");
    expect(turns()[1]).toEqual({
      role: "assistant",
      content: "Ten.",
      replies: [
        { id: "w1", content: "Six.", rank: 2 },
        { id: "w2", content: "Ten.", rank: 1 },
      ],
    });
    press(stage, "+");
    expect(stage.faults().length).toBeGreaterThan(0);
    write(fields()[2]!, "Why?");
    write(fields()[3]!, "Because.");
    expect(turns().map((one) => one.role)).toEqual(["user", "assistant", "user", "assistant"]);
    expect(stage.faults()).toEqual([]);
    stage.undo();
    stage.undo();
    stage.undo();
    expect(turns()).toHaveLength(2);
  });

  it("tells of turns that are not the item's", async () => {
    await stage.load(
      task,
      {
        conversation: {
          turns: [
            { role: "user", content: "other" },
            { role: "assistant", content: "x" },
          ],
        },
      },
      "edit",
    );
    expect(stage.faults()[0]?.message).toBe("dialogue.begins");
  });
});
