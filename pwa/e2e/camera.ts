/**
 * A camera before a screen: the codes on a page are filmed, and the film is what the camera of another browser sees, over and over.
 *
 *     const shots = await film(phone.page);
 *     await develop(shots, world.camera("desk-admin"));       // before that browser opens its camera
 *
 * The picture is 1280 × 720 at 30 a second; the screen stands in it tilted, out of focus and in bad light.
 */
import { writeFileSync } from "node:fs";
import { chromium, type Page } from "playwright-core";
import { BROWSER, FLAGS } from "./world";

/** What stood on the screen from `atMs` on. */
export interface Shot {
  readonly png: Buffer;
  readonly atMs: number;
}

/** How the screen stands before the camera: how many of the 720 lines it takes, how tilted, blurred, pale and noisy (0 to 1). */
export interface Scene {
  readonly height: number;
  readonly transform: string;
  readonly filter: string;
  readonly noise: number;
}
const DESK: Scene = {
  height: 560,
  transform: "perspective(1600px) rotateX(14deg) rotateY(-12deg) rotate(5deg)",
  filter: "blur(1px) contrast(0.75) brightness(0.9)",
  noise: 0.12,
};
const PICTURE_MS = 1_000 / 30;

/** The codes that a page shows round and round, as often as the browser can tell, until each was seen. */
export async function film(page: Page): Promise<Shot[]> {
  const code = page.getByRole("img", { name: "二维码" });
  const [count] = /(?<=\/ )\d+/.exec((await page.getByText(/^第 \d+ \/ \d+ 张$/).textContent()) ?? "") ?? [];
  const [shots, known] = [[] as Shot[], new Set<string>()];
  const began = Date.now();
  while (known.size < Number(count)) {
    const [atMs, png] = [Date.now() - began, await code.screenshot()];
    if (!shots.at(-1)?.png.equals(png)) shots.push({ png, atMs });
    known.add(png.toString("base64"));
  }
  return shots;
}

/** Write what a camera sees of these shots, each for as long as it stood, the last for a fifth of a second. Where one gives way to
 * the next, a picture has both, at half strength. */
export async function develop(shots: readonly Shot[], file: string, scene: Scene = DESK): Promise<void> {
  const browser = await chromium.launch({ executablePath: BROWSER, headless: true, args: FLAGS });
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  await page.setContent(`<style>
    body { margin: 0; height: 720px; background: #665d50; overflow: hidden }
    div { position: absolute; inset: 0; display: grid; place-items: center; filter: ${scene.filter} }
    img { grid-area: 1 / 1; height: ${scene.height}px; padding: 10px; background: #222; transform: ${scene.transform} }
    canvas { position: absolute; mix-blend-mode: hard-light; opacity: ${scene.noise} }
  </style><div><img><img></div><canvas width="1380" height="820"></canvas>`);
  await page.evaluate(() => {
    const pen = document.querySelector("canvas")?.getContext("2d") as CanvasRenderingContext2D;
    const grain = pen.createImageData(1380, 820);
    const levels = new Uint32Array(grain.data.buffer);
    for (let at = 0; at < levels.length; at++) levels[at] = 0xff000000 + 0x010101 * Math.trunc(Math.random() * 256);
    pen.putImageData(grain, 0, 0);
  });
  const known = new Map<string, Buffer>();
  const seen = async (under: Buffer, over: Buffer): Promise<Buffer> => {
    const sources = [under, over].map((png) => `data:image/png;base64,${png.toString("base64")}`);
    const name = sources.join();
    const picture = known.get(name) ?? (await taken(sources));
    known.set(name, picture);
    return picture;
  };
  const taken = async (sources: string[]): Promise<Buffer> => {
    await page.evaluate(async (sources) => {
      for (const [n, img] of document.querySelectorAll("img").entries()) {
        img.src = sources[n] as string;
        img.style.opacity = n === 0 ? "1" : "0.5";
        await img.decode();
      }
      const grain = document.querySelector("canvas") as HTMLCanvasElement;
      grain.style.inset = `${-100 * Math.random()}px auto auto ${-100 * Math.random()}px`;
    }, sources);
    return page.screenshot({ type: "jpeg", quality: 80 });
  };
  const pictures: Buffer[] = [];
  for (const [n, { png, atMs }] of shots.entries()) {
    const untilMs = shots[n + 1]?.atMs ?? atMs + 200;
    const count = Math.round(untilMs / PICTURE_MS) - Math.round(atMs / PICTURE_MS);
    const before = shots[n - 1]?.png;
    if (before) pictures.push(await seen(before, png));
    const clear = await seen(png, png);
    for (let one = before ? 1 : 0; one < count; one++) pictures.push(clear);
  }
  writeFileSync(file, Buffer.concat(pictures));
  await browser.close();
}
