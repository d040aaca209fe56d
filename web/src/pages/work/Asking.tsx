import { Button, Group, Modal, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  title: string;
  help?: string;
  /** Reasons by number, or none where it is free text. */
  reasons: readonly string[];
  onClose: () => void;
  onGive: (reason: string) => void;
}

/** Asks for a reason: a number key or click, or one's own words. */
export function Asking({ title, help, reasons, onClose, onGive }: Props) {
  const { t } = useTranslation();
  const [own, setOwn] = useState("");
  const onKey = (event: React.KeyboardEvent) => {
    if (event.target instanceof HTMLTextAreaElement) {
      if (event.key === "Enter" && event.ctrlKey && own.trim()) onGive(own.trim());
      return;
    }
    const reason = reasons[Number(event.key) - 1];
    if (reason) onGive(reason);
  };
  return (
    <Modal opened onClose={onClose} title={title} onKeyDown={onKey}>
      <div className="column">
        {help && <p className="quiet">{help}</p>}
        {reasons.map((one, place) => (
          <Button key={one} variant="default" justify="flex-start" onClick={() => onGive(one)}>
            <kbd>{place + 1}</kbd>&ensp;{one}
          </Button>
        ))}
        <Textarea
          autosize
          minRows={2}
          aria-label={title}
          data-autofocus={reasons.length === 0 || undefined}
          value={own}
          onChange={(event) => setOwn(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("app.cancel")}
          </Button>
          <Button disabled={!own.trim()} onClick={() => onGive(own.trim())}>
            {t("work.send")}
          </Button>
        </Group>
      </div>
    </Modal>
  );
}

/** "a | b | c" of the words as a list. */
export function listed(words: string): string[] {
  return words.split("|").map((one) => one.trim());
}
