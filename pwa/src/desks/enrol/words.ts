/** What the enrolment page says. A refusal names what to do; the code is never blamed on the person. */
import { book } from "../../words/language";

const zh = {
  title: "登记这台手机",
  intro: "向值班台要一个登记码。登记后，这台手机没有网络也能收发警情记录，每一条都由它自己签名。",
  code: "登记码",
  codeHint: "10 位字母和数字，15 分钟内有效，只能用一次",
  codeWrong: "登记码是 10 位，再看一眼",
  label: "这台手机叫什么",
  labelHint: "值班台在终端表里这样叫它",
  labelDefault: "执勤手机",
  enrol: "登记",
  enrolling: "正在登记",
  wrong_code: "这个登记码不存在、用过了或过了时间。请值班台再给一个。",
  too_many_attempts: "试得太多了，过几分钟再试。",
  no_answer: "没有联系上中心。填的都还在，有信号再按一次，同一个码接着用。",
  insecure: "浏览器在这个地址不给用密钥。请用 https 地址打开。",
  storage: "手机存储写不进去。腾出一些空间再按一次，同一个码接着用。",
  other: (code: string) => `中心没有登记这台手机（${code}）。请告诉管理员。`,
  already: (name: string) => `这台手机已经登记给 ${name}`,
  alreadyText: "再登记一次会换成新的人；之前写下的都还在，照样会上传。",
  openPhone: "打开值守",
  homeScreen: "登记后，从浏览器菜单选「添加到主屏幕」，没有网络也打得开。",
  toLogin: "这是电脑，去登录",
};

export const t = book(zh, {
  title: "Enrol this phone",
  intro:
    "Ask the desk for an enrolment code. After that this phone works without a network; it signs every record itself.",
  code: "Enrolment code",
  codeHint: "10 letters and digits, good for 15 minutes, once",
  codeWrong: "The code has 10 characters; look again",
  label: "Name of this phone",
  labelHint: "How the desk will call it in its list",
  labelDefault: "Duty phone",
  enrol: "Enrol",
  enrolling: "Enrolling",
  wrong_code: "This code is unknown, used or out of time. Ask the desk for another.",
  too_many_attempts: "Too many tries; wait a few minutes.",
  no_answer:
    "The centre did not answer. Everything is still filled in: press again with signal, the same code stays good.",
  insecure: "The browser gives no keys at this address. Open it by https.",
  storage: "The phone's storage did not take it. Free some space and press again; the same code stays good.",
  other: (code) => `The centre did not enrol this phone (${code}). Tell an administrator.`,
  already: (name) => `This phone is enrolled for ${name}`,
  alreadyText: "Enrolling again changes the person; what was written before stays and is still sent.",
  openPhone: "Open duty",
  homeScreen: "Afterwards choose “Add to home screen” in the browser's menu: it then opens without a network.",
  toLogin: "This is a desk: log in",
});
