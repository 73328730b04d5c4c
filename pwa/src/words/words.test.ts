/** What no compiler sees: words that break the rules of the language. */
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { t } from "./common";
import { book, inWords, language } from "./language";

afterEach(() => {
  language.value = "zh-CN";
});

it("says the same key in the language now on screen", () => {
  expect([t("met"), t("pending", 3)]).toEqual(["达标", "待传 3"]);
  language.value = "en";
  expect([t("met"), t("pending", 3), t("silentDevices", 1, "26 h")]).toEqual([
    "Met",
    "Waiting 3",
    "1 device silent 26 h",
  ]);
  expect(inWords({ zh: "纠纷", en: "Dispute" })).toBe("Dispute");
});

it("binds any two books", () => {
  const own = book({ left: (n: number) => `剩 ${n} 分` }, { left: (n) => `${n} min left` });
  expect(own("left", 22)).toBe("剩 22 分");
});

/** Every book of the pages: words/*.ts and words.ts of each desk. */
const books = readdirSync(new URL("..", import.meta.url), { recursive: true, encoding: "utf8" })
  .filter(
    (path) =>
      /(^|\/)words\.ts$|^words\/\w+\.ts$/.test(path) && !path.endsWith(".test.ts") && !path.endsWith("language.ts"),
  )
  .map((path) => ({
    path,
    text: readFileSync(new URL(`../${path}`, import.meta.url), "utf8").replace(/^\s*(\/\/|\/?\*).*$/gm, ""),
  }));

it.each(books)("$path keeps the rules of Chinese setting", ({ text }) => {
  const HAN = "[\\u4e00-\\u9fff]";
  expect(text.match(new RegExp(`${HAN}[,:;?!]`, "g"))).toBeNull(); // full-width punctuation after a Han character
  expect(
    text
      .match(new RegExp(`${HAN}(?:[A-Za-z0-9]|\\$\\{\\w+\\}${HAN}*[A-Za-z0-9])`, "g"))
      ?.filter((hit) => !/月|日|第/.test(hit)) ?? [],
  ).toEqual([]); // a space between Han and Latin or digits
  expect(text.match(/·/g)).toBeNull(); // facts are separated by a rule
  expect(text.match(/["'`](?:确定|OK)["'`]/g)).toBeNull(); // verbs on buttons
});
