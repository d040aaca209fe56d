import { Tabs } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Markdown } from "@/app/Markdown";
import type { Desk, DeskState } from "@/desk/desk";
import type { TaskTemplate } from "@/desk/template";
import type { ToolInstance } from "@/tools/contract";
import { Mine } from "./Mine";
import { Objects } from "./Objects";
import { Thread } from "./Thread";

interface Props {
  desk: Desk;
  state: DeskState;
  template: TaskTemplate;
  tool: ToolInstance | undefined;
  editable: boolean;
  colorOf: (name: string) => string;
  titleOf: (name: string) => string;
  review: React.ReactNode;
}

/** Beside the stage: what is marked, the guideline, questions, own work. */
export function Panel(props: Props) {
  const { t } = useTranslation();
  const { template, tool, state } = props;
  const listed = tool?.objects !== undefined;
  const first = props.review ? "review" : listed ? "objects" : "guideline";
  const [tab, setTab] = useState<string | null>(null);
  const task = state.hand?.assignment.task;
  return (
    <aside className="work-panel">
      <Tabs value={tab ?? first} onChange={setTab} keepMounted={false}>
        <Tabs.List>
          {props.review && <Tabs.Tab value="review">{t("app.review")}</Tabs.Tab>}
          {listed && <Tabs.Tab value="objects">{t("work.objects")}</Tabs.Tab>}
          <Tabs.Tab value="guideline">{t("work.guideline")}</Tabs.Tab>
          <Tabs.Tab value="thread">{t("work.thread")}</Tabs.Tab>
          <Tabs.Tab value="mine">{t("work.mine")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="review">{props.review}</Tabs.Panel>
        <Tabs.Panel value="objects">
          {tool && listed && (
            <Objects
              tool={tool}
              schema={template.schema}
              colorOf={props.colorOf}
              titleOf={props.titleOf}
              editable={props.editable}
            />
          )}
        </Tabs.Panel>
        <Tabs.Panel value="guideline">
          {template.instructions && <Markdown text={template.instructions} />}
          <Markdown text={template.guideline} />
        </Tabs.Panel>
        <Tabs.Panel value="thread">{task && <Thread task={task} />}</Tabs.Panel>
        <Tabs.Panel value="mine">
          <Mine desk={props.desk} state={state} />
        </Tabs.Panel>
      </Tabs>
    </aside>
  );
}
