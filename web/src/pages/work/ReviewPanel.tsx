import { Button, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ReviewContext } from "@/api/types";
import { When } from "@/app/When";
import type { Value } from "@/desk/value";
import type { ToolInstance } from "@/tools/contract";

interface Answer {
  label: string;
  value: Value;
  note: string;
}

/** Answers to judge, the label that would be accepted, and the model's suggestion. */
export function answersOf(
  review: ReviewContext | undefined,
  bare: readonly unknown[],
  t: (key: string, values?: Record<string, unknown>) => string,
): Answer[] {
  const given = review?.annotations ?? bare.map((value) => ({ value }));
  const found: Answer[] = [];
  if (review?.label)
    found.push({ label: t("review.wouldBe"), value: review.label as Value, note: "" });
  given.forEach((one, place) => {
    if (!one.value) return;
    const seconds = "work_seconds" in one ? one.work_seconds : undefined;
    const objected = "objected" in one && one.objected;
    const notes = [
      seconds ? t("review.seconds", { seconds: Math.round(seconds) }) : "",
      objected ? t("review.objected") : "",
    ];
    found.push({
      label: t("review.opinion", { n: place + 1 }),
      value: one.value as Value,
      note: notes.filter(Boolean).join(", "),
    });
  });
  const drafted = review?.prediction?.value;
  if (drafted) found.push({ label: t("review.draft"), value: drafted as Value, note: "" });
  return found;
}

interface Props {
  review: ReviewContext | undefined;
  answers: readonly Answer[];
  tool: ToolInstance | undefined;
  onTake: (value: Value) => void;
}

export function ReviewPanel({ review, answers, tool, onTake }: Props) {
  const { t } = useTranslation();
  return (
    <section className="review" aria-label={t("app.review")}>
      {review?.agreement !== undefined && (
        <Tooltip label={t("review.agreementHelp")}>
          <p className="num">
            {t("review.agreement", { value: `${Math.round(review.agreement * 100)} %` })}
          </p>
        </Tooltip>
      )}
      {review?.reasons?.map((one) => (
        <span className="tag warn" key={one}>
          {one}
        </span>
      ))}
      <h3>{t("review.opinions")}</h3>
      {answers.map((one) => (
        <div className="row" key={one.label}>
          <span className="grow">
            {one.label} <small className="quiet">{one.note}</small>
          </span>
          <Button size="compact-xs" variant="default" onClick={() => onTake(one.value)}>
            {t("review.take")}
          </Button>
        </div>
      ))}
      {tool?.compare && answers.length > 1 && (
        <Button size="xs" variant="default" onClick={() => tool.compare?.(answers)}>
          {t("review.differences")}
        </Button>
      )}
      {(review?.earlier_reviews?.length ?? 0) > 0 && <h3>{t("review.earlier")}</h3>}
      {review?.earlier_reviews?.map((one) => (
        <article key={`${one.create_time}${one.comment}`}>
          <p>{one.comment}</p>
          <small className="quiet">
            <When time={one.create_time} />
          </small>
        </article>
      ))}
    </section>
  );
}
