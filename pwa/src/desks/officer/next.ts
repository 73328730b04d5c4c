/**
 * What happens next to what was written here, and when, in one sentence that is true: where it lies, what moves it on. Pure but
 * for the words.
 *
 *     nextOf({ head: 5, acked: 3, kept: 0, unkept: 0, refusals: 0, stuck: 0, sending: false, trouble: "portal", … })
 *     // 都已安全存在本机，网络要先登录，登录后续传。
 */
import { NEEDS_UPDATE, REVOKED } from "../../device/link";
import type { Status } from "../../device/rounds";
import { language } from "../../words/language";
import { t } from "./words";

export interface Outlook extends Pick<Status, "reachable"> {
  /** Sets written here, and how many of them the centre has confirmed, a station keeps, memory alone holds. */
  head: number;
  acked: number;
  kept: number;
  unkept: number;
  /** What its author has to look at, and how many of the sets that are not confirmed are among that. */
  refusals: number;
  stuck: number;
  sending: boolean;
  trouble: Status["trouble"];
  /** The key in use has no place at the centre yet, and the server that is met can give none. */
  isPlaceless: boolean;
  /** Seconds to the next try; null while none is due. */
  nextS: number | null;
}

export function nextOf(is: Outlook): string {
  const { head, acked, kept, unkept, refusals, stuck, trouble } = is;
  const waiting = head - acked;
  const here = t("storedHere", unkept > 0);
  if (is.sending) return here + t("thenSending");
  if (waiting === 0) return refusals > 0 ? t("allReceived", refusals) : t("allAcked");
  if (waiting === stuck) return t("restReceived", stuck);
  if (trouble?.kind === "refused" && trouble.code !== REVOKED)
    return here + t(trouble.code === NEEDS_UPDATE ? "thenUpdated" : "thenEnrolled");
  if (waiting === kept) return t("allAtStation");
  if (is.isPlaceless) return t("safeUntilCentre");
  const safe = kept > 0 ? t("someAtStation", kept) : here;
  if (trouble?.kind === "portal") return safe + t("thenPortal");
  const when = is.nextS === null ? "" : t("nextTry", is.nextS);
  const then = trouble?.code === "unknown_here" ? "thenStranger" : trouble?.kind === "busy" ? "thenBusy" : "thenSignal";
  const isCalm = is.reachable || when === "";
  return isCalm ? safe + t(then) : [safe + t(then), when].join(language.value === "en" ? " " : "");
}
