import { Kbd, Modal } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { keyLabel, liveKeys } from "./keys";

/** What the keys do, here and now. */
export function KeyMap({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened={opened} onClose={onClose} title={t("app.keys")} size="lg">
      {opened &&
        liveKeys().map((context) => (
          <div key={context.name} className="key-map">
            {context.commands
              .filter((command) => command.keys.length > 0)
              .map((command) => (
                <div key={command.id} className="row">
                  <span className="grow">{t(command.title as never)}</span>
                  {command.keys.slice(0, 2).map((key) => (
                    <Kbd key={key}>{keyLabel(key)}</Kbd>
                  ))}
                </div>
              ))}
          </div>
        ))}
    </Modal>
  );
}
