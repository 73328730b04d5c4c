/** What the sheet for couriers says. Chinese first, complete English beside it. */
import { book } from "../../words/language";

const zh = {
  title: "交人捎带",
  lead: "没有信号时，把没传的写成文件，托人带到本所或中心；人到了，亮码给那边的相机看也行。回执也这样收回来。",
  handOver: "导出未传",
  howMany: (n: number) => `${n} 条`,
  takeAnswer: "导入回执",
  answerFile: "回执文件",
  scan: "扫码收取",
  show: "亮码交出",
  back: "返回",
  shownCentre: (n: number) => `${n} 条，只有中心能打开。对方按「终端 → 捎带导入 → 扫码」。`,
  shownBoth: (n: number) => `${n} 条，只有本所和中心能打开。对方按「终端 → 捎带导入 → 扫码」。`,
  shownClear: (n: number) => `${n} 条，没有加密，谁拍下来谁就能看。对方按「终端 → 捎带导入 → 扫码」。`,
  othersWhy: "这份不是给本机的。别人托你捎带的，存成文件，带到本所或中心；自己的回执，请向写回执的那边再要一份。",
  carryOn: "存成文件",
  centre: (n: number, name: string) => `${n} 条已写进 ${name}，只有中心能打开。本机的仍在。`,
  both: (n: number, name: string) => `${n} 条已写进 ${name}，只有本所和中心能打开，交到哪边都行。本机的仍在。`,
  clear: (n: number, name: string) => `${n} 条已写进 ${name}，没有加密，请当面交到中心。本机的仍在。`,
  unsealedTitle: "这份文件没法加密",
  unsealedWhy: "本机还不知道中心的密钥，连上中心一次就有。现在导出，文件到谁手里谁就能看。",
  anyway: "照样导出",
  confirmed: (n: number) => `回执核对无误，${n} 条中心已收到。`,
  kept: (n: number) => `回执核对无误，${n} 条已到本所，等中心确认。`,
  nothingNew: "回执核对无误，没有新的。",
  notMine: "这份文件里没有本机记录的回执。",
  partly: "回执不全，能核对的已收下。请把文件再拷一遍。",
  notBelieved: "有的回执和中心的账对不上，没有采信。请向中心再要一份。",
  stationUnknown: "本机不认识写回执的所，没有采信。连上中心一次再试。",
  logUnknown: "本机还没有中心的账目，没法核对。连上中心一次再试。",
  cannotCheck: "这个浏览器不会核对签名。请更新系统，或等有信号时上传。",
  forOthers: "这份文件不是给本机的，或开头坏了。请向中心再要一份。",
  notBundle: "这不是回执文件。请选名字以 .answer.bundle 结尾的那个。",
  notWritten: "没能写成文件。腾出些空间再试；记录仍在本机。",
  notTaken: "回执没能收完，可能手机存储满了。腾出些空间，再收一次；记录仍在本机。",
};

export const t = book(zh, {
  title: "By courier",
  lead: "Without signal, put what is unsent into a file and have it carried to your station or the centre; once there, you can also show it as codes to a camera. The answer comes back the same way.",
  handOver: "Export",
  howMany: (n) => `${n} unsent`,
  takeAnswer: "Import",
  answerFile: "Answer file",
  scan: "Scan",
  show: "Show",
  back: "Back",
  shownCentre: (n) => `${n} records; only the centre can open them. There: Devices → Take in by courier → Scan.`,
  shownBoth: (n) =>
    `${n} records; only your station and the centre can open them. There: Devices → Take in by courier → Scan.`,
  shownClear: (n) =>
    `${n} records, not sealed: whoever films them can read them. There: Devices → Take in by courier → Scan.`,
  othersWhy:
    "This is not for this phone. If somebody asked you to carry it, keep it as a file and bring it to your station or the centre; if it should be your own answer, ask for another where it was written.",
  carryOn: "Keep as file",
  centre: (n, name) => `${n} put into ${name}; only the centre can open it. They stay on this phone.`,
  both: (n, name) =>
    `${n} put into ${name}; only your station and the centre can open it: bring it to either. They stay on this phone.`,
  clear: (n, name) => `${n} put into ${name}, not sealed: hand it to the centre in person. They stay on this phone.`,
  unsealedTitle: "This file cannot be sealed",
  unsealedWhy:
    "This phone does not know the centre's key yet; it has it once it was in touch. Exported now, whoever gets the file can read it.",
  anyway: "Export all the same",
  confirmed: (n) => `The answer is proved: the centre has ${n}.`,
  kept: (n) => `The answer is signed: ${n} are at the station, and wait for the centre.`,
  nothingNew: "The answer is proved; there is nothing new in it.",
  notMine: "The file has no answer to anything written here.",
  partly: "The answer is not whole; what could be proved was taken. Please copy the file again.",
  notBelieved:
    "Part of the answer does not agree with the centre's log and was not believed. Ask the centre for another.",
  stationUnknown:
    "This phone does not know the station that wrote the answer, and did not believe it. Be in touch once, then try again.",
  logUnknown: "This phone does not have the centre's log yet and cannot check. Be in touch once, then try again.",
  cannotCheck: "This browser cannot check signatures. Update the system, or send when there is signal.",
  forOthers: "The file is not for this phone, or its beginning is damaged. Ask the centre for another.",
  notBundle: "This is no answer. Choose the file whose name ends with .answer.bundle.",
  notTaken:
    "The answer could not be taken in whole; storage may be full. Free some space and take it in again; the records stay on this phone.",
  notWritten: "The file could not be written. Free some space and try again; the records stay on this phone.",
});
