/** How a hand-over tells what was open. */
import { t as kit } from "../../../words/common";
import type { HandoverPage } from "../types";
import { t } from "./words";

/** `盯签收 4（1 起逾时），盯反馈 11，…`: the columns of the wall as they stood. */
export function countsText(counts: HandoverPage["counts"]): string {
  const columns = (["signing", "feedback", "callback"] as const).map((name) => {
    const { n, overdue } = counts[name];
    return overdue > 0 ? t("columnThen", t(name), n, overdue) : `${t(name)} ${n}`;
  });
  return [...columns, `${t("undelivered")} ${counts.undelivered}`, `${t("silent")} ${counts.silent}`].join(
    kit("comma"),
  );
}
