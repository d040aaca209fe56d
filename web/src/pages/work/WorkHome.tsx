import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { send } from "@/api/client";
import { idOf } from "@/api/names";
import { useMe } from "@/app/session";
import { Empty, Failed, Loading } from "@/app/states";
import type { Lane } from "@/desk/desk";

interface ProjectWork {
  project: string;
  display_name?: string;
  template?: string;
  open_count?: number;
  held_count?: number;
  review_count?: number;
  draft_count?: number;
}

const MOST = 1000;

/** Own queue: the projects that have something for me. */
export default function WorkHome({ lane }: { lane: Lane }) {
  const { t } = useTranslation();
  const me = useMe();
  const asked = useQuery({
    queryKey: ["work", me.tenant],
    queryFn: () => send<{ projects?: ProjectWork[] }>("GET", `/v1/${me.tenant}/work`),
    refetchInterval: 10_000,
  });
  if (asked.error) return <Failed error={asked.error} retry={() => void asked.refetch()} />;
  if (!asked.data) return <Loading what={t(lane === "work" ? "app.work" : "app.review")} />;
  const count = (one: ProjectWork) => (lane === "work" ? one.open_count : one.review_count) ?? 0;
  const mine = (asked.data.projects ?? []).filter(
    (one) => count(one) > 0 || (lane === "work" && (one.held_count ?? 0) > 0),
  );
  if (mine.length === 0) return <Empty title={t("work.none")} help={t("work.noneHelp")} />;
  return (
    <div className="content">
      <header>
        <div>
          <h1>{t(lane === "work" ? "work.title" : "review.title")}</h1>
          <p>{t(lane === "work" ? "work.lead" : "review.lead")}</p>
        </div>
      </header>
      <div className="cards">
        {mine.map((one) => (
          <Link
            key={one.project}
            className="card"
            to={`/${lane === "work" ? "work" : "review"}/${idOf(one.project)}`}
          >
            <h3>{one.display_name || idOf(one.project)}</h3>
            <span className="num">
              {count(one) >= MOST
                ? t("work.manyOpen", { count: MOST })
                : t("work.open", { count: count(one) })}
            </span>
            <span className="row">
              {(one.held_count ?? 0) > 0 && lane === "work" && (
                <span className="tag">{t("work.held", { count: one.held_count })}</span>
              )}
              <span className="grow" />
              <strong>
                {lane === "review"
                  ? t("work.reviewIt")
                  : t((one.held_count ?? 0) > 0 ? "work.goOn" : "work.start")}{" "}
                →
              </strong>
            </span>
          </Link>
        ))}
      </div>
    </div>
  );
}
