/** The desk of one project and lane, for as long as its page is open. */
import { useEffect, useState, useSyncExternalStore } from "react";
import type { Assignment } from "@/api/types";
import { Desk, type DeskState, type Lane } from "@/desk/desk";
import { templateOf, toolTask } from "@/desk/template";
import { toolOf } from "@/tools/registry";

/** Loads what the next task needs while the person is at another; what fails is met when shown. */
function prefetch(assignment: Assignment): void {
  templateOf(assignment.template, assignment.part)
    .then(async (template) => {
      const tool = await toolOf(template.schema);
      await tool.prefetch(toolTask(assignment, template));
    })
    .catch(() => {});
}

export function useDesk(
  project: string,
  lane: Lane,
  person: string,
): { desk: Desk; state: DeskState } {
  const [desk, setDesk] = useState(() => new Desk(project, lane, person, prefetch));
  useEffect(() => {
    const own = new Desk(project, lane, person, prefetch);
    setDesk(own);
    void own.start();
    return () => own.stop();
  }, [project, lane, person]);
  const state = useSyncExternalStore(
    (listener) => desk.changed.on(listener),
    () => desk.state,
  );
  return { desk, state };
}
