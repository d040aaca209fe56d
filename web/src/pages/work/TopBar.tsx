import { Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { idOf } from "@/api/names";
import type { Desk, DeskState, Lane } from "@/desk/desk";
import type { TaskTemplate } from "@/desk/template";

interface Props {
  desk: Desk;
  state: DeskState;
  lane: Lane;
  template: TaskTemplate | undefined;
}

/** Project, place in the session, whether the work is safe, active time. */
export function TopBar({ desk, state, lane, template }: Props) {
  const { t } = useTranslation();
  return (
    <header className="work-top">
      <Link to={`/${lane}`} className="quiet" aria-label={t("app.back")}>
        ←
      </Link>
      <strong>{idOf(desk.project)}</strong>
      <span className="quiet">{template?.title}</span>
      <span className="grow" />
      <Tooltip label={t("work.position", { count: state.submitted })}>
        <span className="num quiet">{state.submitted}</span>
      </Tooltip>
      <Saved state={state} />
      <Clock desk={desk} />
    </header>
  );
}

function Saved({ state }: { state: DeskState }) {
  const { t } = useTranslation();
  const words = {
    clean: "",
    here: t("work.savedHere"),
    saving: t("work.saving"),
    stored: t("work.saved"),
    conflict: t("work.conflict"),
    lost: t("work.lost"),
  }[state.saved];
  return (
    <span className="quiet small saved" role="status">
      {state.waiting > 0 ? t("work.queued", { count: state.waiting }) : words}
    </span>
  );
}

function Clock({ desk }: { desk: Desk }) {
  const { t } = useTranslation();
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds(Math.floor(desk.timer.seconds)), 1000);
    return () => clearInterval(timer);
  }, [desk]);
  const shown = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return (
    <Tooltip label={t("work.time")}>
      <span className="num clock">{shown}</span>
    </Tooltip>
  );
}
