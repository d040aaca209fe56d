import { useTranslation } from "react-i18next";
import { useVirtualRows } from "@/app/virtual";
import { type AttributeDefinition, classesOf, type LabelSchema } from "@/desk/schema";
import type { ObjectRow, ToolInstance } from "@/tools/contract";

interface Props {
  tool: ToolInstance;
  schema: LabelSchema;
  colorOf: (name: string) => string;
  titleOf: (name: string) => string;
  editable: boolean;
}

const ROW_PX = 36;

/** What is marked, however much it is: only the rows in sight are drawn. */
export function Objects({ tool, schema, colorOf, titleOf, editable }: Props) {
  const { t } = useTranslation();
  const rows = (tool.objects?.() ?? []).filter((one) => one.state !== "rejected");
  const { box, first, last, height } = useVirtualRows(rows.length, ROW_PX);
  const chosen = rows.find((one) => one.id === tool.selected?.());
  return (
    <section className="objects" aria-label={t("work.objects")}>
      <h3>
        {t("work.objects")} <span className="num quiet">{rows.length}</span>
      </h3>
      {rows.length === 0 && (
        <p className="quiet">
          {t("work.noObjects")} {t("work.noObjectsHelp")}
        </p>
      )}
      <div className="object-list" ref={box}>
        <div style={{ height, position: "relative" }}>
          {rows.slice(first, last).map((one, place) => (
            <button
              type="button"
              key={one.id}
              className={`object-row ${one.state}`}
              aria-pressed={one.id === chosen?.id}
              style={{ top: (first + place) * ROW_PX }}
              onClick={() => tool.select?.(one.id)}
            >
              <i style={{ background: colorOf(one.class) }} aria-hidden="true" />
              <span>{titleOf(one.class) || one.class}</span>
              <small className="quiet grow">{one.detail}</small>
              {one.score !== undefined && (
                <small className="num quiet">{one.score.toFixed(2)}</small>
              )}
            </button>
          ))}
        </div>
      </div>
      {chosen && editable && <Chosen tool={tool} one={chosen} schema={schema} titleOf={titleOf} />}
    </section>
  );
}

interface ChosenProps {
  tool: ToolInstance;
  one: ObjectRow;
  schema: LabelSchema;
  titleOf: (name: string) => string;
}

/** Class and attributes of the object that is selected. */
function Chosen({ tool, one, schema, titleOf }: ChosenProps) {
  const { t } = useTranslation();
  const wanted = (schema.attributes ?? []).filter(
    (each) => !each.classes?.length || each.classes.includes(one.class),
  );
  const set = (name: string, value: string) => {
    const { [name]: _, ...rest } = one.attributes;
    tool.setAttributes?.(one.id, value === "" ? rest : { ...rest, [name]: value });
  };
  return (
    <div className="chosen">
      <label>
        {t("work.labels")}
        <select value={one.class} onChange={(event) => tool.setClass?.(one.id, event.target.value)}>
          {classesOf(schema).map((each) => (
            <option key={each.name} value={each.name}>
              {titleOf(each.name)}
            </option>
          ))}
        </select>
      </label>
      {wanted.map((each) => (
        <div className="attribute" key={each.name}>
          <label htmlFor={`attribute-${each.name}`}>
            {each.name}
            {each.required ? " *" : ""}
          </label>
          <Attribute
            rule={each}
            value={one.attributes[each.name] ?? ""}
            set={(value) => set(each.name, value)}
          />
        </div>
      ))}
      <button type="button" className="quiet-button" onClick={() => tool.remove?.(one.id)}>
        {t("tool.remove")}
      </button>
    </div>
  );
}

interface AttributeProps {
  rule: AttributeDefinition;
  value: string;
  set: (value: string) => void;
}

function Attribute({ rule, value, set }: AttributeProps) {
  const id = `attribute-${rule.name}`;
  if (rule.type === "number") {
    return (
      <input
        id={id}
        type="number"
        value={value}
        {...(rule.min === undefined ? {} : { min: rule.min })}
        {...(rule.max === undefined ? {} : { max: rule.max })}
        onChange={(event) => set(event.target.value)}
      />
    );
  }
  if (rule.type === "text") {
    return <input id={id} value={value} onChange={(event) => set(event.target.value)} />;
  }
  const choices = rule.type === "boolean" ? ["true", "false"] : (rule.choices ?? []);
  return (
    <select id={id} value={value} onChange={(event) => set(event.target.value)}>
      <option value="" />
      {choices.map((each) => (
        <option key={each}>{each}</option>
      ))}
    </select>
  );
}
