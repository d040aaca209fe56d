/** What others chose, and where it differs from what is chosen on the stage. */
import { h } from "../common/dom";
import type { ToolContext } from "../contract";

export function drawAnswers(
  box: HTMLElement,
  mine: readonly string[],
  answers: readonly { label: string; classes: readonly string[] }[],
  context: ToolContext,
): void {
  box.replaceChildren(
    ...answers.map(({ label, classes }) => {
      const missing = mine.filter((one) => !classes.includes(one));
      const same = missing.length === 0 && classes.every((one) => mine.includes(one));
      const title = context.titleOf;
      return h(
        "div",
        { class: "tool-compare-row" },
        h("span", { class: "tool-compare-who", text: label }),
        ...classes.map((one) =>
          mine.includes(one)
            ? h("span", { text: title(one) })
            : h("ins", {
                class: "tool-added",
                title: context.t("answers.onlyTheirs"),
                text: `+ ${title(one)}`,
              }),
        ),
        ...missing.map((one) =>
          h("del", {
            class: "tool-gone",
            title: context.t("answers.onlyMine"),
            text: title(one),
          }),
        ),
        same && h("span", { class: "tool-same", text: context.t("answers.same") }),
      );
    }),
  );
}
