/**
 * Which of the two languages the screens speak, and the typed way to say something in it.
 *
 * Responsible for: the one reactive `language`, keeping the choice, and `book()`, which binds a Chinese and an
 * English set of messages into a typed `t()`. Refuses to know: any message. Every desk owns its own
 * `words.ts`, so its words travel in its own lazy chunk; what all of them say stands in `words/common.ts`.
 *
 *     const zh = { left: (n: number) => `剩 ${n} 分`, sign: "签收" };
 *     export const t = book(zh, { left: (n) => `${n} min left`, sign: "Sign" });
 *     t("left", 22)   // 剩 22 分, or 22 min left; a missing or misspelt message does not compile
 */
import { shallowRef } from "vue";

export type Language = "zh-CN" | "en";
/** A message: plain text, or a function of what goes into it. */
export type Message = string | ((...args: never[]) => string);
/** The English half of a book: the same keys, the same arguments. */
type SameKeys<Book> = {
  [Key in keyof Book]: Book[Key] extends (...args: infer Args) => string ? (...args: Args) => string : string;
};
type ArgsOf<M> = M extends (...args: infer Args) => string ? Args : [];

const KEY = "ortoo.language";

function kept(): Language {
  try {
    return localStorage.getItem(KEY) === "en" ? "en" : "zh-CN";
  } catch {
    return "zh-CN"; // no storage (tests, a private window): Chinese first
  }
}

/** The language now on screen; reading it in a template makes the template follow it. */
export const language = shallowRef<Language>(kept());

/** Change the language, keep it on this device and tell the document, so that fonts and speech follow. */
export function speak(next: Language): void {
  language.value = next;
  document.documentElement.lang = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // the choice holds until the page closes
  }
}

/** Bind the two languages of one room into its `t(key, …arguments)`. */
export function book<Book extends Record<string, Message>>(zh: Book, en: SameKeys<Book>) {
  return function t<Key extends keyof Book>(key: Key, ...args: ArgsOf<Book[Key]>): string {
    const message = (language.value === "en" ? en : zh)[key] as string | ((...args: unknown[]) => string);
    return typeof message === "string" ? message : message(...args);
  };
}

/** Pick from a pair that is data rather than a message, such as a category with its two names. */
export function inWords(pair: { zh: string; en: string }): string {
  return language.value === "en" ? pair.en : pair.zh;
}
