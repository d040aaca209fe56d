import { Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { keyLabel } from "@/app/keys";
import type { Command, ToolInstance } from "@/tools/contract";

const ICONS: Record<string, string> = {
  select: "↖",
  box: "▭",
  rotated: "◇",
  polygon: "⬠",
  line: "⌇",
  points: "·",
  skeleton: "⚘",
  mask: "▨",
  segment: "✦",
  quad: "⏢",
  relation: "⤳",
  snap: "⌖",
  columns: "▥",
  add: "+",
  fit: "⤢",
};

/** The tool's modes, with their keys. */
export function Rail({ tool }: { tool: ToolInstance | undefined }) {
  const { t } = useTranslation();
  const shown = (tool?.commands() ?? []).filter((one) => one.icon);
  return (
    <div
      className="work-rail"
      role="toolbar"
      aria-orientation="vertical"
      aria-label={t("app.help")}
    >
      {shown.map((one) => (
        <RailButton key={one.id} command={one} title={t(one.title as never)} />
      ))}
    </div>
  );
}

function RailButton({ command, title }: { command: Command; title: string }) {
  const key = command.keys[0];
  return (
    <Tooltip label={key ? `${title} (${keyLabel(key)})` : title} position="right">
      <button
        type="button"
        aria-label={title}
        aria-pressed={command.active?.() ?? false}
        disabled={command.enabled?.() === false}
        onClick={() => command.run()}
      >
        <span aria-hidden="true">{ICONS[command.icon ?? ""] ?? "•"}</span>
        <small>{key ? keyLabel(key) : ""}</small>
      </button>
    </Tooltip>
  );
}
