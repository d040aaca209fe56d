import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { idOf } from "@/api/names";
import { Failed, Loading } from "@/app/states";
import { When } from "@/app/When";
import * as calls from "@/desk/calls";
import { type Desk, type DeskState, GRACE_SECONDS } from "@/desk/desk";

const STATES = [
  "PENDING",
  "COUNTED",
  "HELD",
  "ACCEPTED",
  "REJECTED",
  "LATE",
  "SUPERSEDED",
] as const;
type State = (typeof STATES)[number];

/** What I submitted: the last ones can be taken back, returned ones say why. */
export function Mine({ desk, state }: { desk: Desk; state: DeskState }) {
  const { t } = useTranslation();
  const asked = useQuery({
    queryKey: ["submissions", desk.project],
    queryFn: () => calls.submissions(desk.project),
    refetchInterval: 15_000,
  });
  const fresh = state.recent.filter((one) => Date.now() - one.time < GRACE_SECONDS * 1000);
  return (
    <section className="mine" aria-label={t("work.mine")}>
      <h3>{t("work.recent")}</h3>
      {fresh.length === 0 && <p className="quiet">{t("work.recentNone")}</p>}
      {fresh.map((one) => (
        <div className="row" key={one.name}>
          <span className="grow">{idOf(one.task)}</span>
          <Button size="compact-xs" variant="default" onClick={() => void desk.reopen(one)}>
            {t("work.reopen")}
          </Button>
        </div>
      ))}
      <h3>{t("stats.submitted")}</h3>
      {asked.error && <Failed error={asked.error} retry={() => void asked.refetch()} />}
      {!asked.data && !asked.error && <Loading what={t("work.mine")} />}
      {asked.data?.map((one) => (
        <div className="submission" key={one.name}>
          <span className="row">
            <span className="grow">{idOf(one.task)}</span>
            <span className={one.state === "REJECTED" ? "tag bad" : "tag"}>
              {t(word(one.state))}
            </span>
            <small className="quiet">
              <When time={one.submit_time ?? one.create_time} />
            </small>
          </span>
          {one.comment && <p>{one.comment}</p>}
        </div>
      ))}
    </section>
  );
}

function word(state: string): `stats.state.${State}` {
  const known = STATES.find((one) => one === state) ?? "COUNTED";
  return `stats.state.${known}`;
}
