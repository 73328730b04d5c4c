/**
 * Refusals in the words of a desk: what did not happen, and what to do. The stable code stays beside them.
 *
 * A code that is not listed here keeps the server's own cause and cure. `detail` is shown when the server gave one.
 *
 *     explain(new Problem(409, { code: "not_ready" })).what   // 这件事现在不能这么办。
 */
import type { Problem } from "../session";
import { language } from "../words/language";

type Pair = readonly [what: string, cure: string];
const BOTH: Record<string, { readonly zh: Pair; readonly en: Pair }> = {
  no_answer: {
    zh: ["中心没有回音，这一步没有发出去。", "写的还在这里，联系上再按一次。"],
    en: ["The centre does not answer; nothing was sent.", "What you wrote is still here: press again on contact."],
  },
  not_signed_in: {
    zh: ["登录已经到期。", "重新登录后回到这里。"],
    en: ["The session is over.", "Sign in again; you come back here."],
  },
  wrong_login: {
    zh: ["警号和口令对不上。", "再输一遍。忘了口令，找管理员换一个。"],
    en: ["Number and password do not belong together.", "Try again, or ask the administrator for a new password."],
  },
  wrong_code: {
    zh: ["登记码用过了或过期了。", "请值班台再发一个。"],
    en: ["The code is used or expired.", "Ask the desk for a new one."],
  },
  csrf: {
    zh: ["这一页开得太久。", "刷新后再做一次。"],
    en: ["This page has been open too long.", "Reload it and do it again."],
  },
  not_allowed: {
    zh: ["这个席位不能做这件事。", "请有权限的人来做。"],
    en: ["This seat may not do that.", "Ask someone whose role allows it."],
  },
  came_from_elsewhere: {
    zh: ["请求来自别的网站，没有执行。", "从本系统的页面再做一次。"],
    en: ["The request came from another site and was not done.", "Do it from these pages."],
  },
  not_found: {
    zh: ["没有这件事，或已挪走。", "回到列表再打开。"],
    en: ["It is not here, or it has moved.", "Go back to the list and open it again."],
  },
  unknown_order: {
    zh: ["这件警情没有这道派警。", "刷新后再看。"],
    en: ["The incident has no such order.", "Reload and look again."],
  },
  not_ready: {
    zh: ["这件事现在不能这么办，别人可能刚改过。", "看一眼最新情形再决定。"],
    en: [
      "It cannot be done as things stand; someone may just have changed it.",
      "Look at the newest state, then decide.",
    ],
  },
  ladder_open: {
    zh: ["报警人不满意，后面的步骤还没办完，先不能办结。", "先办完整改、再次回访或挂牌督办。"],
    en: [
      "The caller was not satisfied, and what follows is still open: it cannot be closed yet.",
      "First finish the rectification, the second call or the supervision.",
    ],
  },
  bad_move: {
    zh: ["缺一项，或不合这件警情。", "照下面的说明补上。"],
    en: ["Something is missing or does not fit.", "See the detail below."],
  },
  bad_request: {
    zh: ["这一步写得不完整，没有发出去。", "照下面的说明改。"],
    en: ["What was sent is not complete.", "See the detail below."],
  },
  bad_id: {
    zh: ["编号不对。", "回到列表再打开。"],
    en: ["The id is not right.", "Go back to the list and open it again."],
  },
  too_many_requests: { zh: ["问得太勤。", "等几秒再按。"], en: ["Too many requests.", "Wait a few seconds."] },
  too_many_attempts: {
    zh: ["输错太多次，先停一会儿。", "过一会儿再试，或找管理员换口令。"],
    en: ["Too many wrong attempts; a short rest.", "Try again later, or ask for a new password."],
  },
  too_many_streams: {
    zh: ["开的窗口太多。", "关掉几个，这里照样每 15 秒更新。"],
    en: ["Too many windows are open.", "Close some; this one renews every 15 s anyway."],
  },
  queue_full: {
    zh: ["中心正忙，这一步没有写进去。", "几秒后再按，不会重复。"],
    en: ["The centre is busy; this was not written.", "Press again in a few seconds; nothing doubles."],
  },
  not_stored: {
    zh: ["中心的存储没写成，这一步不算。", "过一会儿再按，并告诉管理员。"],
    en: ["The centre could not write it; it does not count.", "Press again later and tell the administrator."],
  },
  stopping: {
    zh: ["中心正在重启。", "几秒后再按。"],
    en: ["The centre is restarting.", "Press again in a few seconds."],
  },
  bad_policy: {
    zh: ["有几项不对，没有写入。", "改好标出的几项。"],
    en: ["Some fields are at fault; nothing was written.", "Correct those that are marked."],
  },
  bad_zone: {
    zh: ["有几项不对，没有写入。", "改好标出的几项。"],
    en: ["Some fields are at fault; nothing was written.", "Correct those that are marked."],
  },
  begins_in_the_past: {
    zh: ["生效时间已经过去，改了就会动到已有的判定。", "从现在或以后起。"],
    en: ["It would begin in the past and change what was judged.", "Let it begin now or later."],
  },
  same_beginning: {
    zh: ["同一时刻已有一版管同样的事。", "换个时刻，或先撤回那一版。"],
    en: ["Another version for the same begins at that moment.", "Choose another moment, or take that one back."],
  },
  has_begun: {
    zh: ["已经生效，撤不回了。", "再写一版接着它。"],
    en: ["It has begun and cannot be taken back.", "Write a version that follows it."],
  },
  two_without_borders: {
    zh: ["这个所已有一片没有边界的；有两片，就哪片都不算。", "给这片贴上边界，或先撤销那片。"],
    en: [
      "The station has a zone without borders; with two, neither would apply.",
      "Give this one borders, or end that one.",
    ],
  },
  file_too_large: {
    zh: ["文件太大，没有收。", "捎带的文件用 ortoo bundle import 导入；别的拆开再导。"],
    en: [
      "The file is too large and was not taken.",
      "A courier's: ortoo bundle import. Others: split and import the parts.",
    ],
  },
  not_a_bundle: {
    zh: ["这不是捎带用的文件。", "请选手机、派出所或中心写出的那个，名字以 .bundle 结尾。"],
    en: ["This is no file for couriers.", "Choose the one that ends with .bundle."],
  },
  sealed_to_others: {
    zh: ["文件是给别处的，这里打不开。", "送到它要去的中心或派出所；在中心，到存着 log.key 的那台上导入。"],
    en: [
      "The file is sealed for others.",
      "Take it to its centre or station; at a centre, to the node that holds log.key.",
    ],
  },
  log_unknown: {
    zh: ["本所还没有中心的账目，没法加密。", "连上中心一次再导出。"],
    en: ["This station has not read the centre's log yet and cannot seal.", "Be in touch once, then export again."],
  },
  bad_seal_header: {
    zh: ["文件开头坏了，打不开。", "请把文件再拷一遍。"],
    en: ["The beginning of the file is damaged.", "Copy the file again."],
  },
  bad_reply_key: {
    zh: ["都收下了，回执没法加密，所以没有写。", "用 ortoo bundle export 写一份不加密的。"],
    en: ["Everything was taken in; the answer could not be sealed.", "Write one in the clear: ortoo bundle export."],
  },
  too_many_versions: {
    zh: ["版本太多了。", "先撤回还没生效的。"],
    en: ["There are as many versions as can be.", "Take back some that have not begun."],
  },
  internal: {
    zh: ["中心出了错，什么都没改。", "再试一次，还不行就把代号告诉管理员。"],
    en: ["The centre made a mistake; nothing was changed.", "Try again; if it stays, tell the administrator the code."],
  },
};

export interface Explained {
  readonly what: string;
  readonly cure: string;
  readonly detail: string | null;
  readonly code: string;
}

export function explain(problem: Problem): Explained {
  const words = BOTH[problem.code]?.[language.value === "en" ? "en" : "zh"];
  return {
    what: words?.[0] ?? (problem.why || problem.message),
    cure: words?.[1] ?? problem.cure,
    detail: typeof problem.detail === "string" && problem.detail !== "" ? problem.detail : null,
    code: problem.code,
  };
}
