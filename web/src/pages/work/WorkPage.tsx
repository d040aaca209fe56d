import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { language, t as words } from "@/app/i18n";
import { type KeyCommand, pushKeys } from "@/app/keys";
import { paletteOf } from "@/app/palette";
import { useMe } from "@/app/session";
import { Empty, Failed, Loading } from "@/app/states";
import * as calls from "@/desk/calls";
import type { InHand, Lane } from "@/desk/desk";
import { classesOf } from "@/desk/schema";
import { type TaskTemplate, templateOf, toolTask } from "@/desk/template";
import type { Value } from "@/desk/value";
import type { Mode } from "@/tools/contract";
import { Asking, listed } from "./Asking";
import { Banners } from "./Banners";
import { BottomBar } from "./BottomBar";
import { Panel } from "./Panel";
import { Rail } from "./Rail";
import { answersOf, ReviewPanel } from "./ReviewPanel";
import { suggestionKeys } from "./suggestions";
import { TopBar } from "./TopBar";
import { useDesk } from "./useDesk";
import { type Shown, useTool } from "./useTool";
import "./work.css";

const THRESHOLD = 0.5;
type Dialog = "skip" | "flag" | "return" | undefined;

/** Where people label and review: one task after the other, in one project. */
export default function WorkPage({ lane }: { lane: Lane }) {
  const { t } = useTranslation();
  const me = useMe();
  const { project = "" } = useParams();
  const { desk, state } = useDesk(`${me.tenant}/projects/${project}`, lane, me.user);
  const { hand } = state;
  const asked = useTemplate(hand);
  const template = asked.data;
  const [taken, setTaken] = useState<{ of: string; value: Value; count: number }>();
  const [changedOf, setChangedOf] = useState("");
  const [dialog, setDialog] = useState<Dialog>();

  const shown = useMemo(
    () => (hand && template ? shownOf(hand, template, lane, desk.project, taken) : undefined),
    [hand, template, lane, desk, taken],
  );
  const stage = useTool(shown, () => {
    setChangedOf(hand?.assignment.name ?? "");
    desk.touched();
  });
  const { tool, ready } = stage;
  useEffect(() => {
    desk.reads(ready && tool ? () => tool.value() : undefined);
  }, [desk, ready, tool]);

  const changed =
    hand !== undefined &&
    (changedOf === hand.assignment.name || taken?.of === hand.assignment.name);
  const faults = ready && tool ? tool.faults() : [];
  const act = useActions({ desk, lane, changed, blocked: !ready || faults.length > 0, setDialog });
  useKeys(lane, act, tool);

  if (state.error) return <Failed error={state.error} retry={() => desk.retry()} />;
  if (asked.error) return <Failed error={asked.error} retry={() => void asked.refetch()} />;
  if (!hand && state.empty) {
    return (
      <Empty title={t("work.empty")} help={t("work.emptyHelp")} action={<Recheck desk={desk} />} />
    );
  }
  if (!hand || !template) return <Loading what={project} />;

  const colorOf = paletteOf(template.schema);
  const titleOf = (name: string) =>
    classesOf(template.schema).find((one) => one.name === name)?.title?.[language()] || name;
  const answers = answersOf(hand.assignment.review, hand.assignment.annotations ?? [], words);
  const take = (value: Value) =>
    setTaken((before) => ({ of: hand.assignment.name, value, count: (before?.count ?? 0) + 1 }));
  return (
    <div className="work-page">
      <TopBar desk={desk} state={state} lane={lane} template={template} />
      <Banners desk={desk} state={state} />
      <div className="work-middle">
        <Rail tool={tool} />
        <main className="work-stage" data-stage ref={stage.stage} aria-busy={!ready} />
        {stage.error !== undefined && <Failed error={stage.error} />}
        <Panel
          desk={desk}
          state={state}
          template={template}
          tool={ready ? tool : undefined}
          editable
          colorOf={colorOf}
          titleOf={titleOf}
          review={
            lane === "review" ? (
              <ReviewPanel
                review={hand.assignment.review}
                answers={answers}
                tool={tool}
                onTake={take}
              />
            ) : null
          }
        />
      </div>
      <BottomBar
        lane={lane}
        busy={!ready}
        faults={faults}
        secondLook={hand.secondLook}
        changed={changed}
        onFault={(one) => one.object && tool?.select?.(one.object)}
        onSkip={() => setDialog("skip")}
        onFlag={() => setDialog("flag")}
        onRelease={act.release}
        onSubmit={act.submit}
        onPass={act.pass}
        onReturn={() => setDialog("return")}
      />
      <Dialogs dialog={dialog} close={() => setDialog(undefined)} act={act} />
    </div>
  );
}

function Recheck({ desk }: { desk: { retry(): void } }) {
  const { t } = useTranslation();
  return <Button onClick={() => desk.retry()}>{t("work.check")}</Button>;
}

function useTemplate(hand: InHand | undefined) {
  const { template = "", part = "" } = hand?.assignment ?? {};
  return useQuery({
    queryKey: ["template", template, part],
    queryFn: () => templateOf(template, part),
    enabled: template !== "",
    staleTime: Number.POSITIVE_INFINITY,
  });
}

function shownOf(
  hand: InHand,
  template: TaskTemplate,
  lane: Lane,
  project: string,
  taken: { of: string; value: Value; count: number } | undefined,
): Shown {
  const { assignment } = hand;
  const task = toolTask(assignment, template);
  const mode: Mode = lane === "review" ? "review" : assignment.assisted ? "edit" : "blind";
  const judged = assignment.review?.label ?? assignment.annotations?.[0];
  const first = lane === "review" ? (hand.start ?? (judged as Value | undefined)) : hand.start;
  const own = taken?.of === assignment.name ? taken : undefined;
  return {
    // Another answer was taken: the tool loads anew.
    task: own ? { ...task, id: `${task.id}#${own.count}` } : task,
    template,
    value: own?.value ?? first,
    mode,
    assignment: assignment.name,
    project,
  };
}

interface Actions {
  submit(): void;
  pass(): void;
  back(reason: string): void;
  skip(reason: string): void;
  flag(reason: string): void;
  release(): void;
  open(dialog: Dialog): void;
}

interface ActionsOf {
  desk: ReturnType<typeof useDesk>["desk"];
  lane: Lane;
  changed: boolean;
  blocked: boolean;
  setDialog: (dialog: Dialog) => void;
}

function useActions({ desk, changed, blocked, setDialog }: ActionsOf): Actions {
  const { t } = useTranslation();
  const tell = useCallback(
    (error: unknown) =>
      notifications.show({
        color: "red",
        message: error instanceof Error ? error.message : String(error),
      }),
    [],
  );
  return {
    submit: () => {
      if (!blocked) desk.submit().catch(tell);
    },
    pass: () => {
      if (!blocked) desk.verdict(changed ? "FIXED" : "APPROVED", "").catch(tell);
    },
    back: (reason) => void desk.verdict("REJECTED", reason).catch(tell),
    skip: (reason) => void desk.skip(reason).catch(tell),
    release: () => void desk.release().catch(tell),
    flag: (reason) => {
      const name = desk.state.hand?.assignment.name;
      if (!name) return;
      calls
        .flag(name, reason)
        .then(() => notifications.show({ message: t("work.flagHelp") }))
        .catch(tell);
    },
    open: setDialog,
  };
}

/** The page's keys below those of the tool. */
function useKeys(lane: Lane, act: Actions, tool: ReturnType<typeof useTool>["tool"]): void {
  const now = useRef({ act, tool });
  now.current = { act, tool };
  useEffect(() => {
    const page = pushKeys("work", () => pageKeys(lane, now.current.act));
    const objects = pushKeys("objects", () => {
      const { tool: known } = now.current;
      return known?.objects ? suggestionKeys(known, () => THRESHOLD) : [];
    });
    const drawing = pushKeys("tool", () => now.current.tool?.commands() ?? []);
    return () => {
      drawing();
      objects();
      page();
    };
  }, [lane]);
}

function pageKeys(lane: Lane, act: Actions): KeyCommand[] {
  const common: KeyCommand[] = [
    { id: "skip", title: "work.skip", keys: ["S"], run: () => act.open("skip") },
    { id: "flag", title: "work.flag", keys: ["F"], run: () => act.open("flag") },
  ];
  if (lane === "work") {
    return [
      { id: "submit", title: "work.submit", keys: ["Enter", "Ctrl+Enter"], run: act.submit },
      ...common,
    ];
  }
  return [
    { id: "pass", title: "review.pass", keys: ["Y", "Ctrl+Enter"], run: act.pass },
    { id: "return", title: "review.back", keys: ["N"], run: () => act.open("return") },
    ...common,
  ];
}

function Dialogs({ dialog, close, act }: { dialog: Dialog; close: () => void; act: Actions }) {
  const { t } = useTranslation();
  const give = (how: (reason: string) => void) => (reason: string) => {
    close();
    how(reason);
  };
  if (dialog === "skip") {
    const reasons = listed(t("work.skipReasons"));
    return (
      <Asking
        title={t("work.skipTitle")}
        reasons={reasons}
        onClose={close}
        onGive={give(act.skip)}
      />
    );
  }
  if (dialog === "flag") {
    const help = t("work.flagHelp");
    return (
      <Asking
        title={t("work.flagTitle")}
        help={help}
        reasons={[]}
        onClose={close}
        onGive={give(act.flag)}
      />
    );
  }
  if (dialog === "return") {
    const reasons = listed(t("review.reasons"));
    return (
      <Asking
        title={t("review.reason")}
        help={t("review.reasonNeeded")}
        reasons={reasons}
        onClose={close}
        onGive={give(act.back)}
      />
    );
  }
  return null;
}
