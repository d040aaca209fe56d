/** The four states that every page has besides its content. */
import { Button, Skeleton, Text } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";

/** Nothing here: what this is, and one thing to do. */
export function Empty({
  title,
  help,
  action,
}: {
  title: string;
  help: string;
  action?: ReactNode;
}) {
  return (
    <div className="state">
      <h2>{title}</h2>
      <p>{help}</p>
      {action}
    </div>
  );
}

/** The layout that is to come, after 150 ms: what is quick does not flicker. */
export function Loading({ what, rows = 4 }: { what: string; rows?: number }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  return (
    <div className="state" role="status" aria-label={t("app.loading", { what })}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows without content.
        <Skeleton key={row} height={20} mb="sm" width={`${96 - row * 9}%`} />
      ))}
      <Text size="sm" c="dimmed">
        {t("app.loading", { what })}
      </Text>
    </div>
  );
}

/** What, why, what to do. */
export function Failed({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  const { t } = useTranslation();
  const known = error instanceof ApiError ? error : undefined;
  if (known?.status === 403) return <Empty title={t("app.failed")} help={t("app.noRight")} />;
  if (known?.status === 404)
    return <Empty title={t("app.notFound")} help={t("app.notFoundHelp")} />;
  return (
    <div className="state" role="alert">
      <h2>{t("app.failed")}</h2>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {known?.errors.map((one) => (
        <p key={one.field + one.message}>
          <code>{one.field}</code> {one.message}
        </p>
      ))}
      <div className="row">
        {retry && <Button onClick={retry}>{t("app.retry")}</Button>}
        {known?.trace && (
          <Button variant="default" onClick={() => void navigator.clipboard.writeText(known.trace)}>
            {t("app.copyTrace")}
          </Button>
        )}
      </div>
    </div>
  );
}
