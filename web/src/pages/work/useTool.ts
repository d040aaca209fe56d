/** A tool on the stage: mounted once for a template, loaded for each task. */

import { notifications } from "@mantine/notifications";
import { useEffect, useReducer, useRef, useState } from "react";
import { send } from "@/api/client";
import { language, t } from "@/app/i18n";
import { paletteOf } from "@/app/palette";
import { classesOf } from "@/desk/schema";
import type { TaskTemplate } from "@/desk/template";
import type { Value } from "@/desk/value";
import type { Mode, ToolContext, ToolInstance, ToolTask } from "@/tools/contract";
import { toolOf } from "@/tools/registry";

export interface Shown {
  task: ToolTask;
  template: TaskTemplate;
  value: Value | undefined;
  mode: Mode;
  /** For assists: the assignment, and where it asks. */
  assignment: string;
  project: string;
}

export interface OnStage {
  stage: React.RefObject<HTMLDivElement | null>;
  tool: ToolInstance | undefined;
  /** Is the task on the stage the one that is asked for? */
  ready: boolean;
  error: unknown;
}

function contextOf(shown: React.RefObject<Shown | undefined>): ToolContext {
  const schema = () => shown.current?.template.schema ?? { shape: "" };
  return {
    t,
    locale: language,
    colorOf: (name) => paletteOf(schema())(name),
    titleOf: (name) => {
      const known = classesOf(schema()).find((one) => one.name === name);
      return known?.title?.[language()] || name;
    },
    notify: (message, kind) =>
      notifications.show({ message, color: kind === "error" ? "red" : "accent" }),
    assist: async ({ capability, value, element, points, box }) => {
      const now = shown.current;
      if (!now) throw new Error("no task");
      const body = {
        capability,
        assignment: now.assignment,
        value,
        ...(element ? { element } : {}),
        ...(points ? { points } : {}),
        ...(box ? { box } : {}),
      };
      return (await send<{ value: Value }>("POST", `/v1/${now.project}:assist`, body)).value;
    },
  };
}

export function useTool(shown: Shown | undefined, onChange: () => void): OnStage {
  const stage = useRef<HTMLDivElement>(null);
  const now = useRef(shown);
  const changed = useRef(onChange);
  const [mounted, setMounted] = useState<{ template: string; tool: ToolInstance }>();
  const [ready, setReady] = useState("");
  const [error, setError] = useState<unknown>();
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  now.current = shown;
  changed.current = onChange;

  const template = shown?.template.name ?? "";
  // biome-ignore lint/correctness/useExhaustiveDependencies: mounted anew for another template only.
  useEffect(() => {
    const { current: element } = stage;
    const { current: first } = now;
    if (!template || !element || !first) return;
    let tool: ToolInstance | undefined;
    let gone = false;
    toolOf(first.template.schema)
      .then((found) => {
        if (gone) return;
        tool = found.mount(element, contextOf(now));
        tool.onChange(() => {
          changed.current();
          redraw();
        });
        tool.onSelect(redraw);
        setMounted({ template, tool });
      })
      .catch(setError);
    return () => {
      gone = true;
      setMounted(undefined);
      setReady("");
      tool?.destroy();
    };
  }, [template]);

  const tool = mounted?.template === template ? mounted.tool : undefined;
  const wanted = shown?.task.id ?? "";
  // biome-ignore lint/correctness/useExhaustiveDependencies: a task is loaded once.
  useEffect(() => {
    const { current: task } = now;
    if (!tool || !task) return;
    let over = false;
    setError(undefined);
    Promise.resolve(tool.load(task.task, task.value, task.mode))
      .then(() => {
        if (!over) setReady(wanted);
      })
      .catch((failed) => {
        if (!over) setError(failed);
      });
    return () => {
      over = true;
    };
  }, [tool, wanted, shown?.mode]);

  return { stage, tool, ready: tool !== undefined && ready === wanted && wanted !== "", error };
}
