/**
 * The tiles of the phone: kinds of incident, things done at a scene, reasons. Codes come from the org table; what is here
 * only adds a drawing and a short word, and a fallback for a phone that has not heard from the centre yet.
 *
 * Refuses to be the truth about codes: an unknown code is shown with its own words and the plain drawing.
 *
 *     kindTiles(org)[0];      // { code: "dispute", label: "纠纷", icon: "dispute" }
 */
import type { Code, Org } from "../../device/org";
import type { IconName } from "../../ui/icons";
import { NATURES, natureWord } from "../../words/common";
import { inWords } from "../../words/language";
import { t } from "./words";

export interface TileChoice {
  code: string;
  label: string;
  icon: IconName;
}

type KindKey =
  | "kindDispute"
  | "kindTheft"
  | "kindTraffic"
  | "kindHelp"
  | "kindNoise"
  | "kindMissing"
  | "kindLivestock"
  | "kindFraud"
  | "kindFire"
  | "kindInjury"
  | "kindOther";
/** Drawing, short word, and the codes that mean it. */
const KINDS: readonly { icon: IconName; word: KindKey; codes: readonly string[] }[] = [
  { icon: "dispute", word: "kindDispute", codes: ["dispute", "fight", "quarrel"] },
  { icon: "livestock", word: "kindLivestock", codes: ["livestock", "stray"] },
  { icon: "traffic", word: "kindTraffic", codes: ["traffic", "accident", "road"] },
  { icon: "help", word: "kindHelp", codes: ["help", "assist", "stranded"] },
  { icon: "missing", word: "kindMissing", codes: ["missing", "lost"] },
  { icon: "theft", word: "kindTheft", codes: ["theft", "stolen", "rustling"] },
  { icon: "fire", word: "kindFire", codes: ["fire", "grassfire"] },
  { icon: "injury", word: "kindInjury", codes: ["injury", "medical", "illness"] },
  { icon: "noise", word: "kindNoise", codes: ["noise", "nuisance", "disturbance"] },
  { icon: "fraud", word: "kindFraud", codes: ["fraud", "scam"] },
  { icon: "other", word: "kindOther", codes: ["other"] },
];
const MOST_TILES = 9;

const kindOf = (code: string) =>
  KINDS.find((kind) => kind.codes.some((known) => code === known || code.startsWith(`${known}_`)));

/** What a category is called, e.g. on an order that came without a title. */
export function categoryLabel(org: Org, code: string): string {
  const known = org.categories.find((category) => category.code === code);
  if (known) return inWords(known);
  const kind = kindOf(code);
  return kind ? t(kind.word) : code;
}

/** At most nine tiles, `other` last. */
export function kindTiles(org: Org): TileChoice[] {
  const codes: readonly Code[] =
    org.categories.length > 0 ? org.categories : KINDS.map(({ codes: [code = "other"] }) => ({ code, zh: "", en: "" }));
  const tiles = codes.map(({ code }) => {
    const kind = kindOf(code);
    const exact = kind?.codes[0] === code;
    return {
      code,
      label: kind && exact ? t(kind.word) : categoryLabel(org, code),
      icon: kind?.icon ?? ("other" as const),
    };
  });
  const place = ({ code }: TileChoice): number => {
    const kind = kindOf(code);
    return kind ? KINDS.indexOf(kind) : KINDS.length - 1.5;
  };
  const sorted = tiles.sort((a, b) => place(a) - place(b));
  const other = sorted.find((tile) => tile.code === "other");
  const rest = sorted.filter((tile) => tile !== other).slice(0, other ? MOST_TILES - 1 : MOST_TILES);
  return other ? [...rest, other] : rest;
}

const RESULTS: readonly Code[] = [
  { code: "mediated", zh: "现场调解", en: "Mediated" },
  { code: "justice_office", zh: "移交司法所", en: "To justice office" },
  { code: "dispersed", zh: "劝离", en: "Sent home" },
  { code: "taken_in", zh: "带回调查", en: "Taken in" },
];

/** The usual ends first, the catch-all last; what is not listed keeps its place between them. */
const RESULT_ORDER = ["mediated", "helped", "filed", "transferred"];
const RESULT_LAST = ["unfounded", "other"];

export function resultTiles(org: Org): { code: string; label: string }[] {
  const place = ({ code }: Code): number => {
    if (RESULT_LAST.includes(code)) return RESULT_ORDER.length + 1 + RESULT_LAST.indexOf(code);
    const at = RESULT_ORDER.indexOf(code);
    return at < 0 ? RESULT_ORDER.length : at;
  };
  const codes = org.results.length > 0 ? org.results : RESULTS;
  return [...codes].sort((a, b) => place(a) - place(b)).map((code) => ({ code: code.code, label: inWords(code) }));
}

export function resultLabel(org: Org, code: string): string {
  const known = org.results.find((result) => result.code === code) ?? RESULTS.find((result) => result.code === code);
  return known ? inWords(known) : code;
}

/** Things done at a scene of this kind, as one-touch notes. */
export function sceneNotes(category: string): string[] {
  const kind = kindOf(category)?.icon ?? "other";
  switch (kind) {
    case "dispute":
    case "noise":
      return [t("apart"), t("hurt"), t("talk"), t("mediation")];
    case "traffic":
      return [t("safe"), t("hurt"), t("plate"), t("photographed")];
    case "theft":
    case "fraud":
      return [t("photographed"), t("witness"), t("searched"), t("plate")];
    case "missing":
    case "livestock":
      return [t("searched"), t("witness"), t("family"), t("photographed")];
    case "fire":
    case "injury":
      return [t("safe"), t("hurt"), t("family"), t("photographed")];
    default:
      return [t("talk"), t("hurt"), t("witness"), t("photographed")];
  }
}

export const delayReasons = (): string[] => [
  t("delayRoad"),
  t("delaySnow"),
  t("delayHerd"),
  t("delayRiver"),
  t("delayVehicle"),
  t("delayWrong"),
];
export const backupKinds = (): string[] => [t("backupPeople"), t("backupAmbulance"), t("backupFire"), t("backupTow")];
export const returnReasons = (): string[] => [t("returnBusy"), t("returnVehicle"), t("returnArea"), t("returnFar")];
export const receivers = (): string[] => [
  t("handOverTown"),
  t("handOverJustice"),
  t("handOverHospital"),
  t("handOverTraffic"),
  t("handOverFire"),
  t("handOverKin"),
];

export const natures = (): { value: string; label: string }[] =>
  NATURES.map((value) => ({ value, label: natureWord(value) }));
