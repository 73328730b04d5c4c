/** What the dialog for couriers says. Chinese first, complete English beside it. */
import { book } from "../../words/language";

const zh = {
  title: "捎带导入",
  text: "手机导出的文件交到这里，照手机自己上传一样收下。收过的再收一次，什么都不变。",
  file: "手机导出的文件（.bundle）",
  act: "收下",
  took: (fresh: number, known: number) => `新收 ${fresh} 条，早已有 ${known} 条。`,
  waiting: (n: number) => `其中 ${n} 条先存着、不算数，到「待裁」里看。`,
  lost: (n: number) => `${n} 条读不出或签名不对，没有收。原文还在手机上。`,
  whole: "文件完整。",
  notWhole: "文件不完整，完好的都收了。请把文件再拷一遍，补上其余。",
  at: (n: number, what: string) => `第 ${n} 项：${what}`,
  more: (n: number) => `另有 ${n} 项`,
  answerText: "把回执带回去，在手机「待传 → 交人捎带」里导入，手机就知道收到了。",
  answer: "下载回执",
  truncated: "文件到这里断了",
  damaged: "路上坏了",
  badEnd: "比手机写进去的少",
  badManifest: "谁写的这份文件，对不上",
  unknownKind: "认不出，可能是新版写的",
  outOfPlace: "多出来的，没有理会",
};

export const t = book(zh, {
  title: "Take in by courier",
  text: "Bring the file that a phone made: it is taken in as if the phone had sent it. Taken in again, it changes nothing.",
  file: "File that the phone made (.bundle)",
  act: "Take in",
  took: (fresh, known) => `${fresh} new, ${known} known before.`,
  waiting: (n) => `${n} of them are kept and do not count yet: see the rulings desk.`,
  lost: (n) =>
    `${n} could not be read or are not signed as they should be, and were not taken. The phone still has them.`,
  whole: "The file is whole.",
  notWhole: "The file is not whole; what is good was taken. Copy it again for the rest.",
  at: (n, what) => `Item ${n}: ${what}`,
  more: (n) => `and ${n} more`,
  answerText:
    "Have the answer carried back and imported on the phone under Waiting → By courier; then the phone knows.",
  answer: "Download the answer",
  truncated: "the file breaks off here",
  damaged: "damaged on the way",
  badEnd: "less than the phone put in",
  badManifest: "who made the file does not add up",
  unknownKind: "not known here, perhaps of a newer version",
  outOfPlace: "more than there should be; left alone",
});
