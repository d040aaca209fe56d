import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Outlet } from "react-router";
import { language, setLanguage } from "./i18n";
import { KeyMap } from "./KeyMap";
import { pushKeys, startKeys } from "./keys";
import { SignIn } from "./SignIn";
import { mayManage, mayReview, useMe, useSession } from "./session";

/** The frame of every page: navigation at the left, the page, and what lies over it. */
export function Shell() {
  const { t } = useTranslation();
  const { signedOut } = useSession();
  const [keys, setKeys] = useState(false);

  useEffect(startKeys, []);
  useEffect(
    () =>
      pushKeys("app", () => [
        { id: "keys", title: "app.keys", keys: ["?"], run: () => setKeys((shown) => !shown) },
      ]),
    [],
  );

  return (
    <div className="shell">
      <a className="skip-link" href="#content">
        {t("app.help")}
      </a>
      <Navigation onKeys={() => setKeys(true)} />
      <div className="page" id="content">
        <Outlet />
      </div>
      <KeyMap opened={keys} onClose={() => setKeys(false)} />
      {signedOut && (
        <div className="overlay" role="dialog" aria-modal="true" aria-label={t("signIn.title")}>
          <SignIn again />
        </div>
      )}
    </div>
  );
}

function Navigation({ onKeys }: { onKeys: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const { signOut } = useSession();
  const { setColorScheme, colorScheme } = useMantineColorScheme();
  const dark = colorScheme === "dark";
  return (
    <nav className="nav" aria-label={t("app.name")}>
      <NavLink to="/" className="brand" aria-label={t("app.name")}>
        <img src="/icon.svg" alt="" width={26} height={26} />
      </NavLink>
      {!me.operator && <Item to="/work" icon="✎" title={t("app.work")} />}
      {!me.operator && mayReview(me) && <Item to="/review" icon="✓" title={t("app.review")} />}
      {mayManage(me) && <Item to="/projects" icon="▤" title={t("app.projects")} />}
      {mayManage(me) && <Item to="/people" icon="☺" title={t("app.people")} />}
      {(me.operator || me.role === "owner") && <Item to="/line" icon="∿" title={t("app.line")} />}
      <span className="grow" />
      <Tooltip label={t("app.keys")} position="right">
        <ActionIcon variant="subtle" color="gray" onClick={onKeys} aria-label={t("app.keys")}>
          ?
        </ActionIcon>
      </Tooltip>
      <Menu position="right-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            variant="light"
            radius="xl"
            size="lg"
            aria-label={me.display_name || me.user}
            className="avatar"
          >
            {initials(me.display_name || me.user)}
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {me.display_name || me.user} · {me.role}
          </Menu.Label>
          <Menu.Item onClick={() => setLanguage(language() === "zh" ? "en" : "zh")}>
            {t("app.language")}
          </Menu.Item>
          <Menu.Item onClick={() => setColorScheme(dark ? "light" : "dark")}>
            {t("app.theme")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={() => void signOut()}>{t("app.signOut")}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </nav>
  );
}

function Item({ to, icon, title }: { to: string; icon: string; title: string }) {
  return (
    <Tooltip label={title} position="right">
      <NavLink to={to} className="nav-item" aria-label={title}>
        <span aria-hidden="true">{icon}</span>
        <small>{title}</small>
      </NavLink>
    </Tooltip>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  return (words.length > 1 ? words[0]![0]! + words[1]![0]! : name.slice(0, 2)).toUpperCase();
}
