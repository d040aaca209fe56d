import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { keyLabel } from "@/app/keys";
import type { Lane } from "@/desk/desk";
import type { Fault } from "@/tools/contract";

interface Props {
  lane: Lane;
  busy: boolean;
  faults: readonly Fault[];
  secondLook: boolean;
  changed: boolean;
  onFault: (fault: Fault) => void;
  onSkip: () => void;
  onFlag: () => void;
  onRelease: () => void;
  onSubmit: () => void;
  onPass: () => void;
  onReturn: () => void;
}

/** Ways out of a task, each with its key. */
export function BottomBar(props: Props) {
  const { t } = useTranslation();
  const first = props.faults[0];
  return (
    <footer className="work-bottom">
      <Button variant="default" size="xs" onClick={props.onSkip}>
        {t("work.skip")} <kbd>S</kbd>
      </Button>
      <Button variant="default" size="xs" onClick={props.onFlag}>
        {t("work.flag")} <kbd>F</kbd>
      </Button>
      <Button variant="default" size="xs" onClick={props.onRelease}>
        {t("work.release")}
      </Button>
      <span className="grow">
        {first && (
          <button type="button" className="fault" onClick={() => props.onFault(first)}>
            {first.message}
            {props.faults.length > 1 ? ` (+${props.faults.length - 1})` : ""}
          </button>
        )}
      </span>
      {props.lane === "work" ? (
        <Button size="xs" disabled={props.busy || first !== undefined} onClick={props.onSubmit}>
          {t(props.secondLook ? "work.submitSure" : "work.submit")} <kbd>{keyLabel("Enter")}</kbd>
        </Button>
      ) : (
        <ReviewButtons {...props} />
      )}
    </footer>
  );
}

function ReviewButtons(props: Props) {
  const { t } = useTranslation();
  return (
    <>
      <Button size="xs" variant="default" disabled={props.busy} onClick={props.onReturn}>
        {t("review.back")} <kbd>N</kbd>
      </Button>
      <Button size="xs" disabled={props.busy || props.faults.length > 0} onClick={props.onPass}>
        {t(props.changed ? "review.fix" : "review.pass")} <kbd>Y</kbd>
      </Button>
    </>
  );
}
