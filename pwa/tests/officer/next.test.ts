/** What the outbox says happens next is true in every state, in both languages (SPEC HB4). */
import { afterEach, expect, test } from "vitest";
import { nextOf, type Outlook } from "../../src/desks/officer/next";
import type { LinkTrouble } from "../../src/device/link";
import { language } from "../../src/words/language";

afterEach(() => {
  language.value = "zh-CN";
});

const calm: Outlook = {
  head: 5,
  acked: 2,
  kept: 0,
  unkept: 0,
  refusals: 0,
  stuck: 0,
  sending: false,
  trouble: null,
  isPlaceless: false,
  reachable: true,
  nextS: 20,
};
const lost = (kind: LinkTrouble, code: string = kind): Partial<Outlook> => ({
  reachable: false,
  nextS: 8,
  trouble: { kind, code, detail: "" },
});

test.each<[string, Partial<Outlook>, string, string]>([
  ["all confirmed", { acked: 5 }, "本机写下的，中心都已确认。", "The centre has confirmed everything written here."],
  [
    "all there, something to read",
    { acked: 5, refusals: 2 },
    "本机写下的，中心都有了。有 2 条要你看。",
    "The centre has everything written here. 2 for you to look at.",
  ],
  [
    "what is left was not taken, or is damaged",
    { acked: 3, refusals: 2, stuck: 2 },
    "2 条中心没收，要你看。其余中心都有了。",
    "2 the centre did not take, for you to look at. It has all the rest.",
  ],
  [
    "written a moment ago",
    {},
    "都已安全存在本机，有信号马上续传。",
    "All safely stored on this phone; sent as soon as there is signal.",
  ],
  ["under way", { sending: true }, "都已安全存在本机，正在上传。", "All safely stored on this phone; sending now."],
  [
    "some only in memory",
    { unkept: 1, ...lost("offline") },
    "其余都已安全存在本机，有信号马上续传。8 秒后自动再试。",
    "The rest is safely stored on this phone; sent as soon as there is signal. Tried again in 8 s.",
  ],
  [
    "no network",
    lost("offline"),
    "都已安全存在本机，有信号马上续传。8 秒后自动再试。",
    "All safely stored on this phone; sent as soon as there is signal. Tried again in 8 s.",
  ],
  [
    "a captive portal",
    lost("portal"),
    "都已安全存在本机，网络要先登录，登录后自动续传。",
    "All safely stored on this phone; the network wants a log-in, then it is sent by itself.",
  ],
  [
    "a server that is busy or broken",
    lost("busy"),
    "都已安全存在本机，服务器忙。8 秒后自动再试。",
    "All safely stored on this phone; the server is busy. Tried again in 8 s.",
  ],
  [
    "a station that has not heard of this phone",
    lost("busy", "unknown_here"),
    "都已安全存在本机，派出所还不认得本机，它连上中心就好。8 秒后自动再试。",
    "All safely stored on this phone; the station does not know this phone until it has reached the centre. Tried again in 8 s.",
  ],
  [
    "a centre that refuses the phone",
    lost("refused", "not_signed_in"),
    "都已安全存在本机，重新登记后续传。",
    "All safely stored on this phone; sent once this phone is enrolled again.",
  ],
  [
    "a centre of another version",
    lost("refused", "unspoken_version"),
    "都已安全存在本机，和中心的版本不一致，更新后自动续传。",
    "All safely stored on this phone; it and the centre are of different versions, and it is sent once they agree.",
  ],
  [
    "all at the station",
    { kept: 3 },
    "都已存到派出所，所里连上中心就上报。",
    "All stored at the station, which hands it on when its line is back.",
  ],
  [
    "some at the station, and nobody to be reached",
    { kept: 1, ...lost("offline") },
    "1 条已到派出所，由所里上报；其余存在本机，有信号马上续传。8 秒后自动再试。",
    "1 stored at the station, which hands them on; the rest is on this phone; sent as soon as there is signal. Tried again in 8 s.",
  ],
  [
    "a new key that has no place yet, at a station",
    { isPlaceless: true },
    "本机换过密钥，新写的存在本机，连上中心后续传。",
    "This phone has a new key: what it writes stays here and is sent once it reaches the centre.",
  ],
])("%s", (_state, over, zh, en) => {
  expect(nextOf({ ...calm, ...over })).toBe(zh);
  language.value = "en";
  expect(nextOf({ ...calm, ...over })).toBe(en);
});
