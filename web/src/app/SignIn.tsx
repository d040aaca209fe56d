import { Button, PasswordInput, Text, Title } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { useSession } from "./session";

/** The token of a sign-in link: in the fragment, which no server and no log sees. */
function linkToken(): string {
  return new URLSearchParams(window.location.hash.slice(1)).get("link") ?? "";
}

/** A page of its own, or (`again`) an overlay over work that must not be lost. */
export function SignIn({ again = false }: { again?: boolean }) {
  const { t } = useTranslation();
  const { signIn } = useSession();
  const [key, setKey] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const tried = useRef(false);

  async function enter(credential: { key: string } | { link: string }) {
    setBusy(true);
    setError("");
    try {
      await signIn(credential);
    } catch (failed) {
      setError(failed instanceof ApiError ? failed.message : String(failed));
    } finally {
      setBusy(false);
    }
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: a link is tried once.
  useEffect(() => {
    const link = linkToken();
    if (!link || tried.current) return;
    tried.current = true;
    window.history.replaceState(null, "", again ? window.location.pathname : "/");
    void enter({ link });
  }, []);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (key.trim()) void enter({ key: key.trim() });
  }

  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <img src="/icon.svg" alt="" width={36} height={36} />
        <Title order={1} size="h3">
          {t("signIn.title")}
        </Title>
        <Text c="dimmed">{t(again ? "signIn.again" : "signIn.lead")}</Text>
        <PasswordInput
          label={t("signIn.key")}
          description={t("signIn.keyHelp")}
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          error={error || undefined}
          autoComplete="off"
          data-autofocus
        />
        <Button type="submit" loading={busy} disabled={!key.trim()}>
          {t("signIn.go")}
        </Button>
        {!again && (
          <Text size="sm" c="dimmed">
            {t("signIn.laptop")}
          </Text>
        )}
      </form>
    </main>
  );
}
