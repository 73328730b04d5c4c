/**
 * What every browser story stands on: a real centre in a process of its own, desks that speak its JSON API, and phones
 * in Debian's Chromium with a profile on disk. No request may leave for another host; `close()` says which did.
 *
 *     const world = await World.open();
 *     const phone = await world.phone();       // enrolled, on duty
 *     await world.close();                     // fails the story if a page asked another host for anything
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";

const ROOT = join(import.meta.dirname, "..", "..");
const PYTHON = join(ROOT, ".venv", "bin", "python");
export const BROWSER = process.env["ORTOO_CHROMIUM"] ?? "/usr/bin/chromium";
export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The officer without a simulated phone, whom the stories follow. */
export const OFFICER = "阿木尔";

// biome-ignore lint/suspicious/noExplicitAny: a story reads the parts of an answer it tells about
type Answer = any;

export class World {
  readonly dir = mkdtempSync(join(tmpdir(), "ortoo-story-"));
  readonly pages = join(this.dir, "pages");
  url = "";
  private password = "";
  private centre: ChildProcess | null = null;
  private township: ChildProcess | null = null;
  /** Where the township's station is served; null until there is one. */
  stationUrl: string | null = null;
  private readonly contexts = new Set<BrowserContext>();
  private readonly strangers: string[] = [];
  private readonly failures: string[] = [];

  static async open(): Promise<World> {
    const world = new World();
    cpSync(join(ROOT, "pwa", "dist"), world.pages, { recursive: true });
    await world.start();
    return world;
  }

  /** Start the centre, or start it again where it was. */
  async start(): Promise<void> {
    const port = this.url ? new URL(this.url).port : "0";
    const [child, ready] = await served("centre.py", [join(this.dir, "data"), port, this.pages]);
    this.centre = child;
    this.url = ready.url;
    this.password = ready.password;
  }

  /** A station of this name, which joins the centre and serves the same pages. */
  async station(name: string): Promise<void> {
    const desk = await this.desk("admin");
    const { stations } = await desk.get("/api/org");
    const { id } = stations.find((one: Answer) => one.name === name);
    const { code } = await desk.post("/api/devices/codes", { station: id });
    const [child, ready] = await served("station.py", [join(this.dir, "station"), this.pages, this.url, code]);
    this.township = child;
    this.stationUrl = ready.url;
    // People can log in there once it has read who they are.
    const signIn = () => Desk.signIn(ready.url, "station", this.password).catch(() => null);
    await until("a station that knows its people", signIn, Boolean);
  }

  /** Take the centre away, as a power cut does. */
  async stop(): Promise<void> {
    const child = this.centre;
    this.centre = null;
    await killed(child);
  }

  async close(): Promise<void> {
    for (const context of this.contexts) await context.close();
    await this.stop();
    await killed(this.township);
    rmSync(this.dir, { recursive: true, force: true });
    if (this.strangers.length > 0) throw new Error(`asked another host: ${[...new Set(this.strangers)].join(" ")}`);
    if (this.failures.length > 0) throw new Error(`a page failed: ${this.failures.join(" | ")}`);
  }

  /** Where the film lies that the camera of a profile's browser sees, over and over (`camera.ts`). */
  camera(profile: string): string {
    return join(this.dir, `${profile}.mjpeg`);
  }

  /** A browser with a profile on disk; the same `profile` again finds everything it kept. */
  async browser(profile: string, viewport: { width: number; height: number }): Promise<BrowserContext> {
    const context = await chromium.launchPersistentContext(join(this.dir, profile), {
      executablePath: BROWSER,
      headless: true,
      args: [
        ...FLAGS,
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-video-capture=${this.camera(profile)}`,
      ],
      viewport,
      locale: "zh-CN",
      timezoneId: "Asia/Shanghai",
      permissions: ["geolocation"],
      geolocation: { latitude: 38.27, longitude: 107.87, accuracy: 12 },
    });
    context.setDefaultTimeout(45_000);
    context.on("request", (request) => {
      const { protocol, origin, host } = new URL(request.url());
      if (["http:", "https:", "ws:", "wss:"].includes(protocol) && origin !== this.url && origin !== this.stationUrl)
        this.strangers.push(host);
    });
    context.on("weberror", (problem) => this.failures.push(String(problem.error())));
    context.once("close", () => this.contexts.delete(context));
    this.contexts.add(context);
    return context;
  }

  /** A phone-sized browser, enrolled with a one-time code as the officer would; `prepare` it before it opens a page. */
  async phone(
    profile = "phone",
    person = OFFICER,
    prepare?: (context: BrowserContext) => Promise<unknown>,
  ): Promise<Phone> {
    const desk = await this.desk("admin");
    const org = await desk.get("/api/org");
    const id = org.people.find((one: Answer) => one.name === person).id;
    const code = await this.code(id);
    const context = await this.browser(profile, { width: 360, height: 740 });
    await prepare?.(context);
    const page = context.pages()[0] ?? (await context.newPage());
    await page.goto(`${this.url}/enrol`);
    await page.getByLabel("登记码").fill(code);
    await page.getByRole("button", { name: "登记", exact: true }).click();
    await page.getByRole("heading", { name: "在岗" }).waitFor();
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    return new Phone(this, profile, context, page, id);
  }

  /** Open a closed phone's profile again. */
  async reopen(phone: Pick<Phone, "profile" | "person">, options: { offline: boolean }): Promise<Phone> {
    const context = await this.browser(phone.profile, { width: 360, height: 740 });
    await context.setOffline(options.offline);
    const page = context.pages()[0] ?? (await context.newPage());
    await page.goto(`${this.url}/`);
    return new Phone(this, phone.profile, context, page, phone.person);
  }

  /** Copy the profile of a closed browser over another, as a backup does. */
  copyProfile(from: string, to: string): void {
    rmSync(join(this.dir, to), { recursive: true, force: true });
    cpSync(join(this.dir, from), join(this.dir, to), {
      recursive: true,
      filter: (source) => !source.includes("Singleton"),
    });
  }

  /** A one-time code for a person's phone. */
  async code(person: string): Promise<string> {
    const { code } = await (await this.desk("admin")).post("/api/devices/codes", { person });
    return code;
  }

  /** A desk through its API, signed in. */
  async desk(role: string): Promise<Desk> {
    return Desk.signIn(this.url, role, this.password);
  }

  /** A desk in a browser, signed in through the log-in page, of the centre or `at` another server; `prepare` the browser
   *  before it opens a page. */
  async deskPage(
    role: string,
    prepare?: (context: BrowserContext) => Promise<unknown>,
    at: string = this.url,
  ): Promise<Page> {
    const context = await this.browser(`desk-${role}`, { width: 1440, height: 900 });
    await prepare?.(context);
    const page = context.pages()[0] ?? (await context.newPage());
    await page.goto(`${at}/login`);
    await page.getByLabel("警号").fill(role);
    await page.getByLabel("口令", { exact: true }).fill(this.password);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/desk\//);
    return page;
  }
}

/** A server of the story in a process of its own, and what it said when it was ready. */
async function served(script: string, given: string[]): Promise<[ChildProcess, Answer]> {
  const child = spawn(PYTHON, [join(ROOT, "tests", "e2e", script), ...given], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ready = await new Promise<string>((resolve, reject) => {
    let heard = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.includes("\n")) resolve(heard);
    });
    child.once("exit", (code) => reject(new Error(`${script} ended with ${code} before it was ready`)));
  });
  return [child, JSON.parse(ready)];
}

async function killed(child: ChildProcess | null): Promise<void> {
  if (!child || child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

/** An enrolled phone: its page and what an officer does on it. */
export class Phone {
  readonly world: World;
  readonly profile: string;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly person: string;
  constructor(world: World, profile: string, context: BrowserContext, page: Page, person: string) {
    this.world = world;
    this.profile = profile;
    this.context = context;
    this.page = page;
    this.person = person;
  }

  press(name: string | RegExp) {
    return this.page.getByRole("button", { name }).click();
  }

  /** Hold a button for the 0.8 s that it asks for. */
  async hold(name: string | RegExp): Promise<void> {
    await this.page.getByRole("button", { name }).hover();
    await this.page.mouse.down();
    await this.page.waitForTimeout(1_000);
    await this.page.mouse.up();
  }

  chip(state: "attention" | "offline" | "uploading" | "pending" | "confirmed") {
    return this.page.locator(`.chip[data-state="${state}"]`);
  }

  async networkGone(): Promise<void> {
    await this.context.setOffline(true);
  }
  async networkBack(): Promise<void> {
    await this.context.setOffline(false);
  }
}

/** A signed-in session of the JSON API. */
export class Desk {
  private readonly url: string;
  private readonly headers: Record<string, string>;
  private constructor(url: string, headers: Record<string, string>) {
    this.url = url;
    this.headers = headers;
  }

  static async signIn(url: string, login: string, password: string): Promise<Desk> {
    const before = await fetch(`${url}/api/session`);
    const { csrf } = (await before.json()) as Answer;
    const jar = cookies(before);
    const reply = await fetch(`${url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": csrf, cookie: jar },
      body: JSON.stringify({ login, password }),
    });
    if (!reply.ok) throw new Error(`no session for ${login}: ${reply.status} ${await reply.text()}`);
    const session = (await reply.json()) as Answer;
    return new Desk(url, { cookie: cookies(reply) || jar, "x-csrf-token": session.csrf });
  }

  get(path: string): Promise<Answer> {
    return this.ask("GET", path);
  }
  post(path: string, body: unknown): Promise<Answer> {
    return this.ask("POST", path, body);
  }
  put(path: string, body: unknown): Promise<Answer> {
    return this.ask("PUT", path, body);
  }

  /** An incident taken down at the desk, with an order for somebody. */
  async dispatch(title: string, person: string, more: object = {}): Promise<{ id: string; number: string }> {
    const org = await this.get("/api/org");
    const station = org.people.find((one: Answer) => one.id === person).station;
    const told = { title, category: "dispute", place: "昂素镇巴音大街", caller_phone: "13800002046", tier: 8 };
    return this.post("/api/incidents", { ...told, station, order: { to: ["person", person] }, ...more });
  }

  /** A whole file of orders, as another system sends them; gives their incidents, in their order. */
  async importOrders(orders: readonly object[], source = "city-110"): Promise<string[]> {
    const file = orders.map((order) => JSON.stringify(order)).join("\n");
    const { incidents } = await this.send("POST", `/api/imports/orders?source=${source}`, file);
    return incidents.map((one: Answer) => one.id);
  }

  private ask(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.send(method, path, body === undefined ? null : JSON.stringify(body));
  }

  private async send(method: string, path: string, body: string | null): Promise<Answer> {
    const headers = { ...this.headers, "content-type": "application/json" };
    const reply = await fetch(this.url + path, { method, headers, body });
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
    return reply.status === 204 ? null : reply.json();
  }
}

function cookies(reply: Response): string {
  return reply.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ");
}

/** Ask again until it holds, as somebody at a desk looks again; says what it saw last when it never did. */
export async function until<T>(
  what: string,
  look: () => Promise<T>,
  holds: (seen: T) => boolean,
  ms = 45_000,
): Promise<T> {
  const end = Date.now() + ms;
  let seen = await look();
  while (!holds(seen)) {
    if (Date.now() > end) throw new Error(`${what} never came; last seen: ${JSON.stringify(seen)?.slice(0, 2_000)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    seen = await look();
  }
  return seen;
}
