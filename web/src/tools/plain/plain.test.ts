import { beforeEach, describe, expect, it } from "vitest";
import type { LabelSchema } from "@/desk/schema";
import type { Value } from "@/desk/value";
import { press, testContext, testTask } from "../common/bench";
import { pointsOf } from "../common/points";
import type { ToolInstance } from "../contract";
import { tool } from ".";
import { faultsOf } from "./faults";
import { exampleOf } from "./shapes";

const SPEECH: LabelSchema = {
  shape: "segments",
  classes: ["speech"],
  exclusive: true,
  max_objects: 20_000,
};
const CARS: LabelSchema = {
  shape: "cuboids",
  classes: ["car", "bus"],
  frame: "lidar",
  range: 120,
  attributes: [{ name: "motion", type: "choice", choices: ["moving", "parked"], classes: ["car"] }],
};
const TRACKS: LabelSchema = { shape: "tracks", classes: ["car"], geometries: ["rect"] };
const t = (key: string) => key;

let box: HTMLElement;
let stage: ToolInstance;
beforeEach(() => {
  document.body.replaceChildren();
  box = document.body.appendChild(document.createElement("div"));
  stage = tool.mount(box, testContext());
});
const json = () => box.querySelector<HTMLTextAreaElement>(".plain-json")!;
const field = (label: string) => box.querySelector<HTMLInputElement>(`[aria-label="${label}"]`)!;
const write = (into: HTMLInputElement | HTMLTextAreaElement, text: string) => {
  into.value = text;
  into.dispatchEvent(new InputEvent("input"));
};

describe("plain: rows", () => {
  it("gives back segments as they were given, and tells what the server would", async () => {
    const value: Value = {
      segments: {
        segments: [
          { class: "speech", start: 0.4, end: 2.1, speaker: "S1", words: [{ text: "a", end: 1 }] },
          { class: "speech", start: 1.9, end: 4.9, speaker: "S2" },
        ],
      },
    };
    for (const mode of ["edit", "review", "readonly", "blind"] as const) {
      await stage.load(testTask(SPEECH, {}), value, mode);
      expect(stage.value()).toEqual(value);
      expect(stage.faults()).toEqual([]);
    }
    await stage.load(testTask(SPEECH, {}), value, "edit");
    write(field("plain.speaker 2"), "S1");
    expect(stage.faults()[0]?.message).toContain("twice");
    write(field("plain.start 2"), "5");
    expect(stage.faults()[0]?.message).toContain("times");
    stage.undo();
    stage.undo();
    expect(stage.value()).toEqual(value);
  });

  it("adds, walks and deletes rows by keys", async () => {
    await stage.load(testTask({ ...SPEECH, texts: true }, {}), undefined, "edit");
    expect(stage.value()).toEqual({ segments: { segments: [] } });
    press(stage, "+");
    expect(stage.faults()[0]?.message).toContain("plain.words");
    write(field("plain.text 1"), "Good morning 👋");
    expect(stage.value()).toEqual({
      segments: { segments: [{ class: "speech", start: 0, end: 1, text: "Good morning 👋" }] },
    });
    press(stage, "+");
    press(stage, "Tab");
    expect(stage.selected?.()).toBe("0");
    press(stage, "Backspace");
    expect(stage.objects?.()).toHaveLength(1);
  });

  it("keeps few rows of 20,000", async () => {
    const segments = Array.from({ length: 20_000 }, (_, place) => ({
      class: "speech",
      start: place,
      end: place + 0.5,
    }));
    await stage.load(testTask(SPEECH, {}), { segments: { segments } }, "edit");
    expect(box.querySelectorAll(".plain-row").length).toBeLessThan(40);
  });

  it("turns yaw into a rotation and leaves other fields alone", async () => {
    await stage.load(testTask(CARS, {}), undefined, "edit");
    press(stage, "+");
    write(field("plain.yaw 1"), String(Math.PI / 2));
    write(field("plain.centre.x 1"), "200");
    const made = stage.value().cuboids as {
      frame: string;
      cuboids: { rotation: { w: number; z: number } }[];
    };
    expect(made.frame).toBe("lidar");
    expect(made.cuboids[0]!.rotation.z).toBeCloseTo(Math.SQRT1_2);
    expect(Number(field("plain.yaw 1").value)).toBeCloseTo(Math.PI / 2);
    expect(stage.faults()[0]?.message).toContain("plain.far");
  });
});

describe("plain: JSON", () => {
  it("is checked as it is typed, and what is none is not lost", async () => {
    await stage.load(testTask(TRACKS, {}), undefined, "edit");
    write(json(), '{"tracks": {"tracks": [');
    expect(stage.faults()[0]?.message).toContain("invalid");
    expect(json().value).toBe('{"tracks": {"tracks": [');
    write(
      json(),
      '{"tracks": {"tracks": [{"class": "tram", "id": "1"}, {"class": "car", "id": "1"}]}}',
    );
    expect(stage.faults().map((one) => one.message.split(" ")[0])).toEqual([
      "tool.fault.unknownClass",
      "plain.id",
    ]);
    write(json(), '{"boxes": {}}');
    expect(stage.faults()[0]?.message).toContain("plain.shape");
    stage.undo();
    expect(stage.value()).not.toHaveProperty("boxes");
  });

  it("has a first example for every shape, that fits", async () => {
    const shapes = [
      "segments",
      "tracks",
      "cuboids",
      "cuboid_tracks",
      "map",
      "fusion",
      "points",
      "composite",
    ];
    for (const shape of shapes) {
      const schema = { ...TRACKS, shape, frame: "lidar" };
      const told = faultsOf(exampleOf(schema), schema, t);
      expect(told.filter((one) => one.message !== "plain.frame")).toEqual([]);
    }
  });

  it("changes nothing where it is only read, and shows hostile text as text", async () => {
    const value: Value = {
      tracks: { tracks: [{ id: "<img src=x onerror=owned()>", class: "car" }] },
    };
    await stage.load(testTask(TRACKS, {}), value, "readonly");
    write(json(), "{}");
    expect(stage.value()).toEqual(value);
    await stage.load(testTask(TRACKS, {}), undefined, "review");
    stage.compare?.([{ label: "Answer 1", value }]);
    expect(box.querySelector("img")).toBeNull();
    expect(box.querySelector(".tool-compare ins")?.textContent).toContain("onerror");
  });
});

describe("points of clouds", () => {
  it("come out of bare floats and both kinds of PCD", () => {
    const bare = Float32Array.of(1, 2, 3, 0.5, 4, 5, 6, 0.5);
    expect([...pointsOf(bare.buffer, "a.bin")!]).toEqual([1, 2, 3, 4, 5, 6]);
    const head = (kind: string) =>
      `# .PCD v0.7\nVERSION 0.7\nFIELDS i x y z\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\nWIDTH 1\nHEIGHT 1\nPOINTS 1\nDATA ${kind}\n`;
    const ascii = new TextEncoder().encode(`${head("ascii")}9 1 2 3\n`);
    expect([...pointsOf(ascii.buffer as ArrayBuffer, "a.pcd")!]).toEqual([1, 2, 3]);
    const start = new TextEncoder().encode(head("binary"));
    const binary = new Uint8Array(start.length + 16);
    binary.set(start);
    binary.set(new Uint8Array(Float32Array.of(9, 1, 2, 3).buffer), start.length);
    expect([...pointsOf(binary.buffer, "a.pcd")!]).toEqual([1, 2, 3]);
    expect(pointsOf(new ArrayBuffer(7), "a.las")).toBeUndefined();
  });
});
