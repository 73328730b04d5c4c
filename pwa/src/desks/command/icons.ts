/**
 * The drawing for a kind of incident. Categories are data of the organisation; their codes are matched by what they
 * contain, and a code nobody foresaw gets the plain one.
 */
import type { IconName } from "../../ui/icons";

const PARTS: readonly (readonly [part: RegExp, icon: IconName])[] = [
  [/dispute|quarrel|fight|纠纷|打架/, "dispute"],
  [/livestock|stray|cattle|sheep|牲畜|牛|羊/, "livestock"],
  [/missing|lost|走失/, "missing"],
  [/fire|火/, "fire"],
  [/theft|steal|robb|burgl|盗|抢/, "theft"],
  [/fraud|scam|诈骗/, "fraud"],
  [/noise|nuisance|噪/, "noise"],
  [/injur|medical|伤|救护/, "injury"],
  [/traffic|crash|accident|交通/, "traffic"],
  [/help|rescue|assist|求助/, "help"],
];

export function iconOf(code: string): IconName {
  return PARTS.find(([part]) => part.test(code.toLowerCase()))?.[1] ?? "other";
}
