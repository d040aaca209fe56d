/** An entry of a prompt library: texts with variables, examples, and how it reads. */
import type { LabelSchema } from "@/desk/schema";
import type { PromptValue, PromptVariable, Value } from "@/desk/value";
import type { Core } from "../common/core";
import { button, h, onTyped, say } from "../common/dom";
import { ItemView } from "../common/item";
import type { ToolContext } from "../contract";
import type { Board } from "./board";
import { counted } from "./changesView";
import { Kinds } from "./kinds";
import { filled, promptFaults, synced } from "./prompts";

type Example = NonNullable<PromptValue["examples"]>[number];

export function promptBoard(context: ToolContext, core: Core<Value>): Board {
  const { t } = context;
  let schema: LabelSchema = { shape: "prompt" };
  let kept = new Map<string, PromptVariable>();
  let drawn = "";
  let refresh: (() => void)[] = [];

  const item = new ItemView(context);
  const now = (): PromptValue => core.state.prompt ?? { text: "" };

  function set(change: Partial<PromptValue>, typed?: string): void {
    const merged = { ...now(), ...change } as PromptValue;
    for (const name of ["title", "system", "language"] as const) {
      if (merged[name] === "") delete merged[name];
    }
    for (const name of ["classes", "examples"] as const) {
      if (merged[name]?.length === 0) delete merged[name];
    }
    const prompt = synced(merged, kept);
    if (typed) core.type(typed, { prompt });
    else core.change({ prompt });
  }

  const text = area(t("tool.write.prompt"), (said) => set({ text: said }, "text"));
  text.classList.add("prompt-text");
  const system = area(t("tool.write.system"), (said) => set({ system: said }, "system"));
  const title = line(t("tool.write.title"), (said) => set({ title: said }, "title"));
  const tongue = line(t("tool.write.language"), (said) => set({ language: said }, "language"));
  tongue.placeholder = "en, zh-CN";
  tongue.maxLength = 35;
  title.maxLength = 500;
  const kinds = new Kinds(
    context,
    core,
    t("work.labels"),
    () => now().classes ?? [],
    (classes) => set({ classes }),
  );
  text.addEventListener("keydown", kinds.onTyping);
  const count = h("span", { class: "tool-quiet num" });
  const variables = h("div", { class: "prompt-variables" });
  const examples = h("div", { class: "prompt-examples" });
  const preview = h("div", { class: "prompt-preview", dir: "auto" });
  const add = button(
    t("writing.addExample"),
    () => set({ examples: [...(now().examples ?? []), {}] }),
    { class: "tool-button" },
  );
  const form = h(
    "div",
    { class: "prompt-form", tabindex: -1 },
    labelled(t("tool.write.title"), title),
    labelled(t("tool.write.system"), system),
    labelled(t("tool.write.prompt"), text, count),
    h("h3", { class: "tool-label", text: t("tool.write.variables") }),
    variables,
    h("h3", { class: "tool-label", text: t("writing.examples") }),
    examples,
    h("div", {}, add),
  );
  const side = h(
    "div",
    { class: "prompt-side" },
    h("div", { class: "prompt-item" }, item.element),
    h(
      "div",
      { class: "prompt-more" },
      kinds.element,
      labelled(t("tool.write.language"), tongue),
      h("h3", { class: "tool-label", text: t("tool.write.preview") }),
      preview,
    ),
  );
  const element = h("div", { class: "write-board prompt" }, form, side);

  /** Rows of variables and examples: anew where there are others, else filled in. */
  function rows(): void {
    const names = (now().variables ?? []).map((one) => one.name);
    const shape = `${core.editable} ${names.join()} ${(now().examples ?? []).length}`;
    if (shape !== drawn) {
      drawn = shape;
      refresh = [];
      variables.replaceChildren(...(names.length > 0 ? names.map(variable) : [nothing()]));
      examples.replaceChildren(...(now().examples ?? []).map((_, place) => example(place)));
    }
    for (const fill of refresh) fill();
  }

  function nothing(): HTMLElement {
    return h("p", { class: "tool-quiet", text: t("writing.noVariables", { example: "{{name}}" }) });
  }

  function variable(name: string): HTMLElement {
    const own = () => now().variables?.find((one) => one.name === name) ?? { name };
    const change = (part: Partial<PromptVariable>, typed?: string) => {
      const next = { ...own(), ...part };
      for (const key of ["description", "default"] as const) if (next[key] === "") delete next[key];
      if (!next.required) delete next.required;
      if (next.choices?.length === 0) delete next.choices;
      kept.set(name, next);
      set(
        { variables: (now().variables ?? []).map((one) => (one.name === name ? next : one)) },
        typed,
      );
    };
    const described = line(
      `${name}: ${t("tool.write.description")}`,
      (said) => change({ description: said }, `${name}.description`),
      t("tool.write.description"),
    );
    const usual = line(
      `${name}: ${t("writing.default")}`,
      (said) => change({ default: said }, `${name}.default`),
      t("writing.default"),
    );
    const only = line(
      `${name}: ${t("writing.only")}`,
      (said) =>
        change(
          {
            choices: said
              .split(/[,，]/)
              .map((one) => one.trim())
              .filter(Boolean),
          },
          `${name}.choices`,
        ),
      t("writing.only"),
    );
    const needed = h("input", {
      type: "checkbox",
      on: { change: () => change({ required: needed.checked }) },
    });
    needed.disabled = !core.editable;
    refresh.push(() => {
      say(described, own().description ?? "");
      say(usual, own().default ?? "");
      if (document.activeElement !== only) say(only, (own().choices ?? []).join(", "));
      needed.checked = Boolean(own().required);
    });
    return h(
      "div",
      { class: "prompt-variable" },
      h("code", { text: name }),
      described,
      usual,
      only,
      h("label", { class: "tool-row" }, needed, t("tool.write.required")),
    );
  }

  function example(place: number): HTMLElement {
    const own = (): Example => now().examples?.[place] ?? {};
    const change = (part: Partial<Example>, typed: string) =>
      set(
        {
          examples: (now().examples ?? []).map((one, at) =>
            at === place ? { ...one, ...part } : one,
          ),
        },
        `${place}.${typed}`,
      );
    const inputs = (now().variables ?? []).map(({ name }) => {
      const input = line(name, (said) => {
        const { [name]: _before, ...left } = own().variables ?? {};
        change({ variables: said === "" ? left : { ...left, [name]: said } }, name);
      });
      refresh.push(() => say(input, own().variables?.[name] ?? ""));
      return labelled(name, input);
    });
    const output = area(t("writing.output"), (said) => change({ output: said }, "output"));
    refresh.push(() => say(output, own().output ?? ""));
    const remove = button(
      "✕",
      () => set({ examples: (now().examples ?? []).filter((_, at) => at !== place) }),
      {
        class: "tool-button quiet",
        "aria-label": t("writing.removeExample"),
        title: t("writing.removeExample"),
      },
    );
    remove.disabled = !core.editable;
    const head = h(
      "header",
      { class: "tool-row" },
      h("span", {
        class: "tool-label tool-grow",
        text: t("writing.exampleOf", { number: place + 1 }),
      }),
      remove,
    );
    return h(
      "section",
      { class: "prompt-example" },
      head,
      ...inputs,
      labelled(t("writing.output"), output),
    );
  }

  function area(label: string, heard: (text: string) => void): HTMLTextAreaElement {
    const field = h("textarea", {
      class: "tool-input",
      dir: "auto",
      maxlength: 200_000,
      "aria-label": label,
    });
    field.readOnly = !core.editable;
    onTyped(field, heard);
    return field;
  }

  function line(label: string, heard: (text: string) => void, placeholder = ""): HTMLInputElement {
    const field = h("input", {
      class: "tool-input",
      dir: "auto",
      "aria-label": label,
      placeholder,
    });
    field.readOnly = !core.editable;
    onTyped(field, heard);
    return field;
  }

  function draw(): void {
    const { text: said, system: told, title: named, language, examples: shown } = now();
    say(text, said ?? "");
    say(system, told ?? "");
    say(title, named ?? "");
    say(tongue, language ?? "");
    for (const one of [text, system, title, tongue]) one.readOnly = !core.editable;
    add.disabled = !core.editable;
    count.textContent = counted(said ?? "", context);
    kinds.draw();
    rows();
    preview.replaceChildren(
      ...filled(now(), shown?.[0]?.variables ?? {}).map(({ text: part, name }) =>
        name ? h("mark", { text: part, title: name }) : h("span", { text: part }),
      ),
    );
  }

  return {
    element,
    field: text,
    beginning: () => ({ prompt: { text: "" } }),
    load: (task) => {
      schema = task.schema;
      kept = new Map();
      drawn = "";
      kinds.load(schema);
      form.scrollTop = 0;
      return item.show(task);
    },
    draw,
    value: () => ({ prompt: { ...now() } }),
    faults: () => promptFaults(now(), schema, t),
    commands: () => [...kinds.commands(), ...item.commands()],
    text: (value) => value.prompt?.text ?? "",
    facts: ({ prompt }) => [
      ...(prompt?.title ? [prompt.title] : []),
      ...(prompt?.classes ?? []).map(context.titleOf),
      ...(prompt?.variables ?? []).map((one) => `{{${one.name}}} ${one.description ?? ""}`.trim()),
    ],
    destroy: () => item.destroy(),
  };
}

function labelled(label: string, field: HTMLElement, beside?: HTMLElement): HTMLElement {
  const head = h(
    "span",
    { class: "tool-row" },
    h("span", { class: "tool-label tool-grow", text: label }),
    beside,
  );
  return h("label", { class: "prompt-field" }, head, field);
}
