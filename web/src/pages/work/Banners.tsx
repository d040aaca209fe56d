import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Desk, DeskState } from "@/desk/desk";

/** What the person must know of this task before going on; at most one at a time. */
export function Banners({ desk, state }: { desk: Desk; state: DeskState }) {
  const { t } = useTranslation();
  const { hand } = state;
  if (!hand) return null;
  if (state.saved === "lost") {
    return (
      <div className="banner bad" role="alert">
        <span className="grow">{t("work.lost")}</span>
        <Button size="xs" onClick={() => void desk.next()}>
          {t("work.lostNext")}
        </Button>
      </div>
    );
  }
  if (state.saved === "conflict") {
    return (
      <div className="banner warn" role="alert">
        <span className="grow">{t("work.conflict")}</span>
        <Button size="xs" onClick={() => void desk.resolveConflict(true)}>
          {t("work.conflictMine")}
        </Button>
        <Button size="xs" variant="default" onClick={() => void desk.resolveConflict(false)}>
          {t("work.conflictTheirs")}
        </Button>
      </div>
    );
  }
  if (hand.refusal) {
    return (
      <div className="banner bad" role="alert">
        <span className="grow">
          {t("work.refused")}: {hand.refusal.message}
          {hand.refusal.errors.map((one) => ` · ${one.field}: ${one.message}`)}
        </span>
      </div>
    );
  }
  if (hand.secondLook) {
    return (
      <div className="banner warn" role="status">
        {t("work.hint", { kind: hand.assignment.comment })}
      </div>
    );
  }
  if (hand.assignment.comment) {
    return (
      <div className="banner warn" role="status">
        {t("work.rejected", { comment: hand.assignment.comment })}
      </div>
    );
  }
  return null;
}
