/**
 * How complete an incident can be: whether every device that wrote here or was ordered has sent what it wrote. Pure.
 *
 *     completeness(incident)   // { basisPoints: 10000, sentByMs: 1773301918000, out: [] }
 */
import { about, instant } from "../../../ui/format";
import type { Language } from "../../../words/language";
import type { Incident, Source } from "../types";
import { t } from "./asofWords";

export interface Completeness {
  readonly basisPoints: number;
  /** All of them had sent everything by then; with no device at all, now. */
  readonly sentByMs: number;
  readonly out: readonly Source[];
}

export function completeness({ sources, now_ms }: Incident): Completeness {
  const out = sources.filter((one) => one.out);
  const heard = sources.flatMap(({ last_contact_ms }) => (last_contact_ms === null ? [] : [last_contact_ms]));
  return {
    basisPoints: sources.length === 0 ? 10_000 : Math.floor(((sources.length - out.length) * 10_000) / sources.length),
    sentByMs: heard.length === 0 ? now_ms : Math.min(...heard),
    out,
  };
}

/** The line of the foot and of every printed page: all are in, or who is out and for how long. */
export function completenessText(incident: Incident, nowMs: number, language: Language): string {
  const { out, sentByMs } = completeness(incident);
  const worst = out[0];
  if (!worst) return t("allSent", instant(sentByMs, nowMs, language));
  const name = worst.device || worst.name;
  const silent =
    worst.last_contact_ms === null
      ? t("neverHeard", name)
      : t("isOut", name, about(nowMs - worst.last_contact_ms, language));
  const rest = [worst.pending > 0 ? t("owes", worst.pending) : "", out.length > 1 ? t("andMore", out.length - 1) : ""];
  return [silent, ...rest.filter(Boolean)].join(language === "en" ? ", " : "，");
}
