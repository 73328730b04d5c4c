/** What screens say that show codes and read them. Chinese first, complete English beside it. */
import { book } from "../words/language";

const zh = {
  showLead: "把屏幕调亮，让对方的相机对着它。码一张接一张，一轮一轮地放，对方收齐就好。",
  showing: (n: number, count: number) => `第 ${n} / ${count} 张`,
  round: (seconds: number) => `一轮 ${seconds} 秒`,
  tooMuch: (kb: string, most: string) => `有 ${kb}，亮码最多 ${most}。请改用文件 (too_much)`,
  codeOf: "二维码",
  readLead: "把对方屏幕上的码放进方框，放满、放平、拿稳；有一张老收不到，就挪一挪。",
  picture: "相机看到的",
  looking: "还没看到码",
  got: (n: number, count: number) => `收到 ${n} / ${count} 张`,
  foreign: "看到的不是驿传的码。请对准对方「亮码」的屏幕 (foreign_code)",
  misread: "收齐了，但有一张读错，正在重收 (code_misread)",
  noPicture: "相机用不了",
  camera_refused: "没有允许用相机。到浏览器的网站设置里允许本站用相机，再试 (camera_refused)",
  camera_missing: "这台机器上没有找到相机。接上一个再试，或改用文件 (camera_missing)",
  camera_busy: "相机打不开，可能别的程序在用。关掉那个程序，再试 (camera_busy)",
  camera_unreachable: "浏览器不让这个页面用相机：地址要以 https 开头，浏览器别太旧。也可改用文件 (camera_unreachable)",
  camera_lost: "相机停了，可能屏幕熄过，或相机被拔掉。再试 (camera_lost)",
};

export const t = book(zh, {
  showLead:
    "Make the screen bright and let the other camera see it. The codes go round and round; it is done when the other side has them all.",
  showing: (n, count) => `Code ${n} of ${count}`,
  round: (seconds) => `a round takes ${seconds} s`,
  tooMuch: (kb, most) => `There are ${kb}, and codes carry ${most} at most. Use a file instead (too_much)`,
  codeOf: "QR code",
  readLead:
    "Hold the code on the other screen in the frame: as large as fits, straight and still. If one code keeps missing, move a little.",
  picture: "What the camera sees",
  looking: "No code seen yet",
  got: (n, count) => `${n} of ${count} codes`,
  foreign: "That is another kind of code. Point the camera at the screen that shows the codes (foreign_code)",
  misread: "All there, but one was misread; they are being read again (code_misread)",
  noPicture: "No camera",
  camera_refused:
    "The camera is not allowed. Allow it for this site in the browser's settings, then try again (camera_refused)",
  camera_missing: "No camera was found on this machine. Plug one in and try again, or use a file (camera_missing)",
  camera_busy: "The camera cannot be opened; another program may have it. Close that and try again (camera_busy)",
  camera_unreachable:
    "The browser gives this page no camera: its address must begin with https, and the browser not be too old. Or use a file (camera_unreachable)",
  camera_lost: "The camera stopped: the screen may have gone dark, or it was unplugged. Try again (camera_lost)",
});
