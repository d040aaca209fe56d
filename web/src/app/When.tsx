/** A time as people say it, with the exact one on hover. */
import { language } from "./i18n";

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

export function relative(time: Date, now: Date, locale: string): string {
  const seconds = (time.getTime() - now.getTime()) / 1000;
  const [unit, size] = STEPS.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(
    Math.trunc(seconds / size),
    unit,
  );
}

export function When({ time }: { time: string | undefined }) {
  if (!time) return null;
  const locale = language() === "zh" ? "zh-CN" : "en";
  const at = new Date(time);
  return (
    <time dateTime={time} title={at.toLocaleString(locale)}>
      {relative(at, new Date(), locale)}
    </time>
  );
}
