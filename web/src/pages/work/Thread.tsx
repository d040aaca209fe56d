import { Button, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Failed } from "@/app/states";
import { When } from "@/app/When";
import * as calls from "@/desk/calls";

/** Questions and answers about one task; everybody who works on it sees them. */
export function Thread({ task }: { task: string }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const key = ["comments", task];
  const asked = useQuery({ queryKey: key, queryFn: () => calls.comments(task) });
  const sending = useMutation({
    mutationFn: () => calls.comment(task, text.trim()),
    onSuccess: async () => {
      setText("");
      await queries.invalidateQueries({ queryKey: key });
    },
  });
  return (
    <section className="thread" aria-label={t("work.thread")}>
      <h3>{t("work.thread")}</h3>
      {asked.error && <Failed error={asked.error} retry={() => void asked.refetch()} />}
      {asked.data?.length === 0 && <p className="quiet">{t("work.threadNone")}</p>}
      {asked.data?.map((one) => (
        <article key={one.name} className={one.mine ? "mine" : ""}>
          <p>{one.text}</p>
          <small className="quiet">
            {one.author} <When time={one.create_time} />
          </small>
        </article>
      ))}
      <Textarea
        autosize
        minRows={2}
        maxRows={8}
        aria-label={t("work.threadWrite")}
        placeholder={t("work.threadWrite")}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {sending.error && <p role="alert">{String(sending.error.message)}</p>}
      <Button
        size="xs"
        variant="default"
        disabled={!text.trim()}
        loading={sending.isPending}
        onClick={() => sending.mutate()}
      >
        {t("work.send")}
      </Button>
    </section>
  );
}
