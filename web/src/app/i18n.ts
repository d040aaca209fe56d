/** Words of the page: two languages, complete, with typed keys. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./words/en";
import zh from "./words/zh";

export type Language = "en" | "zh";
const KEPT = "labelmill.language";

export function language(): Language {
  return i18next.language === "zh" ? "zh" : "en";
}

export function setLanguage(next: Language): void {
  localStorage.setItem(KEPT, next);
  void i18next.changeLanguage(next);
}

function first(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Adds a tool's or a page's own words, which come with its chunk. */
export function addWords(name: string, words: { en: object; zh: object }): void {
  i18next.addResourceBundle("en", "translation", { [name]: words.en }, true, true);
  i18next.addResourceBundle("zh", "translation", { [name]: words.zh }, true, true);
}

export function startWords(): void {
  void i18next.use(initReactI18next).init({
    lng: first(),
    fallbackLng: "en",
    resources: { en: { translation: en }, zh: { translation: zh } },
    interpolation: { escapeValue: false }, // React escapes; tools use textContent.
    returnNull: false,
  });
  const tell = () => {
    document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  };
  i18next.on("languageChanged", tell);
  tell();
}

/** A word outside of React: tools, messages. */
export function t(key: string, values?: Record<string, unknown>): string {
  return String(i18next.t(key as never, values as never));
}
