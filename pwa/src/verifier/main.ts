/**
 * The verifier: one page that checks an evidence file without the centre and without a network (SPEC XP). It is built into
 * one HTML file (`scripts/verifier.mjs`) whose own policy forbids every connection.
 *
 * Responsible for the page. What is right and wrong is said by `sync/evidence`, in which words by `words.ts`.
 */
import type { Op } from "../sync/changeset";
import "../ui/tokens.css";
import "./verifier.css";
import type { Found } from "../sync/evidence/found";
import { hexOf } from "../sync/evidence/report";
import { knowsEd25519 } from "../sync/verify";
import { GLYPHS } from "../ui/glyphs";
import { CAUSES, CLOCKS, RESULTS, wordIn } from "../words/found";
import { judged, type Line, type Seen } from "./judge";
import { type Words, wordsOf } from "./words";

type Child = Node | string | null;
const SVG = "http://www.w3.org/2000/svg";

let language: "zh-CN" | "en" = navigator.language.startsWith("zh") ? "zh-CN" : "en";
let say: Words = wordsOf(language);
let file: File | null = null;
let earlier: File | null = null;
let key = "";
let seen: Seen | "working" | "cannot" | null = null;

/** An element with a class and children. Text goes in as text, whatever it says. */
function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  look: string,
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (look) made.className = look;
  made.append(...children.filter((child) => child !== null));
  return made;
}

function glyph(name: keyof typeof GLYPHS): SVGSVGElement {
  const drawn = document.createElementNS(SVG, "svg");
  drawn.setAttribute("viewBox", "0 0 16 16");
  drawn.setAttribute("aria-hidden", "true");
  for (const stroke of GLYPHS[name] as readonly { d: string; as?: string; width?: number }[]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", stroke.d);
    path.setAttribute("class", stroke.as ?? "line");
    if (stroke.width) path.setAttribute("stroke-width", String(stroke.width));
    drawn.append(path);
  }
  return drawn;
}

const time = (ms: number): string =>
  new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium" }).format(ms);

const wordFor = (name: string): string => say.names[name] ?? name;
const isTime = (name: string): boolean => name === "at" || name.endsWith("_at");

/** What an op says: its kind, then every word, number and time in it, whole. */
function sayOf(op: Op): string {
  const field = typeof op["f"] === "string" ? op["f"] : "";
  const parts = [wordFor(op.t), ...(field ? [wordFor(field)] : [])];
  for (const [name, value] of Object.entries(op)) {
    if (name === "t" || name === "f") continue;
    if (typeof value === "number" && isTime(name === "v" ? field : name))
      parts.push(name === "v" ? time(value) : `${wordFor(name)} ${time(value)}`);
    else if (typeof value === "string" && value !== "") parts.push(name === "kind" ? wordFor(value) : value);
    else if (typeof value === "number" || typeof value === "boolean")
      parts.push(name === "v" ? String(value) : `${wordFor(name)} ${value}`);
    else if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "number"))
      parts.push(value.join(", "));
  }
  return parts.join(" ");
}

function picker(title: string, lead: string, chosen: File | null, take: (file: File) => void): HTMLElement {
  const input = el("input", "");
  input.type = "file";
  input.addEventListener("change", () => input.files?.[0] && take(input.files[0]));
  const label = el("label", "card pick", el("b", "", title), el("span", "second", lead), input);
  label.append(el("span", "button", say.pick), el("span", "second num", chosen ? chosen.name : say.drop));
  label.addEventListener("dragover", (event) => event.preventDefault());
  label.addEventListener("drop", (event) => {
    event.preventDefault();
    const dropped = event.dataTransfer?.files[0];
    if (dropped) take(dropped);
  });
  return label;
}

function keyField(): HTMLElement {
  const input = el("input", "field");
  input.value = key;
  input.spellcheck = false;
  input.autocomplete = "off";
  input.addEventListener("change", () => {
    key = input.value;
    void run();
  });
  return el("label", "card key", el("b", "", say.key), el("span", "second", say.keyLead), input);
}

function verdict(): HTMLElement | null {
  if (seen === null) return null;
  if (seen === "working") return el("section", "card verdict", el("h2", "", say.working));
  if (seen === "cannot")
    return el(
      "section",
      "card verdict bad",
      glyph("undetermined"),
      el("h2", "", say.cannot),
      el("p", "", say.cannotLead),
    );
  const n = seen.findings.length;
  const made = el(
    "section",
    n === 0 ? "card verdict good" : "card verdict bad",
    glyph(n === 0 ? "met" : "missed"),
    el("h2", "", n === 0 ? say.sound : say.unsound(n)),
    el("p", "", n === 0 ? say.soundLead : say.unsoundLead),
  );
  made.setAttribute("role", "status");
  made.dataset["sound"] = String(n === 0);
  return made;
}

function findings({ findings: found }: Seen): HTMLElement | null {
  if (found.length === 0) return null;
  const rows = found.map(({ code, where, detail }) =>
    el(
      "tr",
      "",
      el("td", "", el("b", "", say.findings[code] ?? code), el("span", "code", code)),
      el("td", "num", where),
      el("td", "num", detail),
    ),
  );
  return table([say.what, say.where, say.detail], rows, "findings");
}

function table(heads: string[], rows: HTMLElement[], look: string): HTMLElement {
  const head = el("tr", "", ...heads.map((text) => el("th", "", text)));
  return el("div", "card scroll", el("table", look, el("thead", "", head), el("tbody", "", ...rows)));
}

function facts({ report, fingerprint, isPinned, isCompared, signedMs, findings: found }: Seen): HTMLElement | null {
  const { content, checkpoint } = report;
  if (!content || !checkpoint) return null;
  const redacted = report.shown.filter((shown) => shown.isRedacted).length;
  const fact = (name: string, ...said: Child[]) => [el("dt", "", name), el("dd", "num", ...said)];
  return el(
    "section",
    "card",
    el("h2", "", say.facts),
    el(
      "dl",
      "",
      ...fact(say.incident, hexOf(content.entity)),
      ...fact(say.log, checkpoint.origin, el("br", ""), say.entries(checkpoint.size)),
      ...(signedMs === null ? [] : fact(say.signedAt, time(signedMs))),
      ...fact(say.madeAt, time(content.atMs)),
      ...fact(say.rulings, String(report.about.length)),
      ...fact(
        say.sets,
        String(report.shown.length),
        redacted > 0 ? ` ${say.redacted(redacted)}` : null,
        report.unseen > 0 ? el("span", "second block", say.unseen(report.unseen)) : null,
      ),
      ...fact(
        say.fingerprint,
        el("b", "", fingerprint),
        el("span", "second block", isPinned ? say.pinned : say.compareKey),
      ),
    ),
    isCompared && found.length === 0 ? el("p", "", say.against) : null,
  );
}

function story({ lines }: Seen): HTMLElement | null {
  if (lines.length === 0) return null;
  const rows = lines.map((line: Line) =>
    el(
      "tr",
      line.isRedacted ? "redacted" : "",
      el("td", "num", time(line.wroteMs)),
      el("td", "num", time(line.receivedMs)),
      el("td", "", line.author || say.nobody),
      el(
        "td",
        "said",
        line.isRedacted ? el("b", "", `${say.gone} (${line.ground})`) : null,
        ...line.ops.map((op) => el("span", "block", sayOf(op))),
      ),
      el("td", "", say.decisions[line.decision] ?? line.decision),
    ),
  );
  return table([say.occurred, say.received, say.author, say.said, say.decision], rows, "story");
}

/** Seconds to the tenth; two of them where they differ. */
function seconds({ lo, hi }: Found): string {
  const tenths = (ms: number | null): string => (ms === null ? "?" : (ms / 1000).toFixed(1));
  return say.unit(lo === hi ? tenths(lo) : `${tenths(lo)}–${tenths(hi)}`);
}

function clocks({ found }: Seen): HTMLElement | null {
  if (found.length === 0) return null;
  const rows = found.map((one) =>
    el(
      "tr",
      "",
      el(
        "td",
        "",
        wordIn(CLOCKS[language], one.clock),
        one.order === "" ? null : el("span", "code", one.order.slice(0, 8)),
      ),
      el("td", "", el("b", "", wordIn(RESULTS[language], one.result))),
      el("td", "num", one.lo === null && one.hi === null ? "" : seconds(one)),
      el("td", "num", one.within === null ? "" : say.unit((one.within / 1000).toFixed(0))),
      el("td", "", [one.grade ?? [], one.why.map((code) => wordIn(CAUSES[language], code))].flat(2).join("；")),
      el("td", "num", time(one.atMs)),
    ),
  );
  return table([say.clock, say.result, say.took, say.limit, say.rests, say.ruledAt], rows, "clocks");
}

function draw(): void {
  document.documentElement.lang = language;
  document.title = `驿传 ${say.title}`;
  const other = el("button", "switch", language === "en" ? "中文" : "English");
  other.addEventListener("click", () => {
    language = language === "en" ? "zh-CN" : "en";
    say = wordsOf(language);
    draw();
  });
  const strap = el("header", "strap", el("span", "brand", "驿传"), el("h1", "", say.title), other);
  const inputs = el(
    "div",
    "inputs",
    picker(say.title, say.lead, file, (chosen) => {
      file = chosen;
      void run();
    }),
    picker(say.earlier, say.earlierLead, earlier, (chosen) => {
      earlier = chosen;
      void run();
    }),
    keyField(),
  );
  const shown = seen && typeof seen === "object" ? seen : null;
  const parts = [
    verdict(),
    shown && findings(shown),
    shown && facts(shown),
    shown && clocks(shown),
    shown && story(shown),
  ];
  document.body.replaceChildren(strap, el("main", "", inputs, ...parts));
}

async function run(): Promise<void> {
  draw();
  if (!file) return;
  seen = (await knowsEd25519()) ? "working" : "cannot";
  draw();
  if (seen === "cannot") return;
  const bytes = async (one: File | null) => one && new Uint8Array(await one.arrayBuffer());
  const whole = await bytes(file);
  if (whole) seen = await judged({ file: whole, earlier: await bytes(earlier), key });
  draw();
}

document.documentElement.dataset["theme"] = matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "day";
draw();
