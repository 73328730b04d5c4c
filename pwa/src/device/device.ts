/**
 * The device put together: vault, cache, writer, replica, outbox, link, rounds and tabs. Knows everyone here, and is all
 * that a desk needs to know.
 *
 * Responsible for starting in the right order, for the reactive picture of the exchange, and for what a person may ask
 * of it: write, send now, export, go on and off duty. Refuses to draw.
 *
 *     const device = await startDevice();         // null: this browser is not enrolled
 *     await device.record(claim(job, "signed", at));
 *     device.sync.acked === device.sync.head;     // everything confirmed
 */
import { type ComputedRef, computed, type ShallowRef, shallowReactive, shallowRef } from "vue";
import { BEAT_EVERY_MS } from "../sync/samples";
import { sameStorage } from "./boot";
import { browserPush } from "./browserPush";
import { Cache, type OrgRow } from "./cache";
import type { SyncState } from "./chip";
import { clearing } from "./clearing";
import type { CourierParts, Heeded } from "./courier";
import { openingDraft } from "./enrol";
import { joinTabs, type News, type Tabs } from "./leader";
import { Leaving } from "./leaving";
import { Link, NEEDS_CODE, REVOKED } from "./link";
import { systemClock } from "./now";
import { meOf, type Org, type OrgSnapshot, orgOf } from "./org";
import { Outbox } from "./outbox";
import { Push } from "./push";
import { Replica } from "./replica";
import { Rounds, type Status } from "./rounds";
import { type DeviceSession, keptSession } from "./session";
import { watchSight } from "./sight";
import { drop } from "./subscription";
import { Timekeeper } from "./timekeeper";
import { type KeyRecord, type Mark, openVault, VaultRefused } from "./vault";
import type { Me } from "./views";
import { LogWatch } from "./watch";
import { ChainWriter, type Draft, type Hand, type Written } from "./writer";

export const APP = `ortoo-pwa/${__APP_VERSION__}`;

/** What the cache keeps of the last contact. */
type Contact = Pick<Status, "lastContactMs" | "offsetMs" | "spreadMs"> & { beacon: Uint8Array | null };

export interface Duty {
  on: boolean;
  sinceMs: number;
}

export interface Device {
  readonly session: DeviceSession;
  readonly org: Readonly<ShallowRef<Org>>;
  readonly me: ComputedRef<Me>;
  readonly incidents: Replica["incidents"];
  /** Those that were given to another station. */
  readonly moved: Replica["moved"];
  readonly status: Readonly<Status>;
  /** The facts behind the chip, reactive. */
  readonly sync: ComputedRef<SyncState>;
  /** Grows with every word about own sets, also one that leaves all counts as they were. */
  readonly told: Readonly<ShallowRef<number>>;
  readonly duty: Readonly<ShallowRef<Duty>>;
  /** Whether a knock reaches this phone when it is locked. */
  readonly push: Push;
  record(draft: Draft): Promise<Written>;
  story: Replica["story"];
  found: Replica["found"];
  /** How far the sets about an incident have come. */
  reached: Replica["reached"];
  outbox: Outbox["list"];
  /** What people at the centre decided or asked about an own set, oldest first. */
  remarks: Replica["remarks"];
  /** Hello afresh and send what waits; resolves when the round is over. */
  sendNow(): Promise<void>;
  /** What `courier.ts` works with: it makes the file that somebody carries, and takes in the answer. */
  courier(): Promise<CourierParts>;
  /** The answer that came so is written down: let everybody know. */
  heeded(answer: Heeded): Promise<void>;
  /** The author has read a refusal. */
  read(mark: Mark): Promise<void>;
  setDuty(on: boolean): Promise<void>;
  /** Text an officer has begun and not yet submitted. */
  draft(name: string): Promise<string | null>;
  keepDraft(name: string, text: string): Promise<void>;
  stop(): void;
}

/** Start the device of this browser. Null when it is not enrolled. */
export async function startDevice(): Promise<Device | null> {
  const vault = openVault();
  const kept = await keptSession(vault);
  const key = kept && (await vault.key(kept.chain));
  if (!kept || !key) {
    vault.close();
    return null;
  }
  let session: DeviceSession = kept;
  const cache = new Cache();
  const clock = systemClock();
  const contact = await cache.meta<Contact>("contact");
  const status: Status = shallowReactive({
    reachable: false,
    trouble: kept.needsCode ? { kind: "refused", code: NEEDS_CODE, detail: "" } : null,
    lastContactMs: contact?.lastContactMs ?? null,
    offsetMs: contact?.offsetMs ?? null,
    spreadMs: contact?.spreadMs ?? null,
    sending: null,
    nextTryMs: null,
  });
  const counts = shallowReactive({ head: 0, acked: 0, kept: 0, refusals: 0 });
  const told = shallowRef(0);
  const duty = shallowRef<Duty>((await vault.meta<Duty>("duty")) ?? { on: true, sinceMs: clock.nowMs() });
  const snapshot = await vault.meta<OrgSnapshot>("org");
  const org = shallowRef(orgOf(snapshot, await cache.org()));
  const me = computed(() => meOf(session.person, org.value));

  const outbox = new Outbox(vault);
  const sight = watchSight();
  const keeper = new Timekeeper({ vault, clock, sight, status });
  keeper.beacon = contact?.beacon ?? null;
  const beating = setInterval(() => keeper.beat(), BEAT_EVERY_MS);
  const hand: Hand = {
    person: session.person.id,
    clock,
    offsetMs: () => status.offsetMs,
    seen: () => replica.seen,
    beacon: () => keeper.beacon,
  };
  const current = async (): Promise<KeyRecord> => {
    session = (await keptSession(vault)) ?? session;
    return (await vault.key(session.chain)) ?? key;
  };
  const writer = new ChainWriter({ ...hand, vault, key, current, rider: keeper });
  let tabs: Tabs | null = null;
  let rounds: Rounds | null = null;
  const watch = new LogWatch({ vault, org: () => cache.org(), clock });
  status.alarm = await watch.alarm();
  const leaving = new Leaving({
    vault,
    writer,
    hand,
    app: APP,
    session: () => session,
    adopt: (next) => {
      session = next;
      void current().then((now) => writer.moveTo(now));
      void recount();
      tabs?.tell({ t: "session" });
    },
  });

  const recount = async (): Promise<void> => {
    Object.assign(counts, await outbox.counts());
    told.value += 1;
  };
  const reloadOrg = async (): Promise<void> => {
    const { station } = me.value;
    const rows: OrgRow[] = await cache.org();
    org.value = orgOf(snapshot, rows);
    if (me.value.station !== station) void rounds?.now(); // other scopes are ours from now on
  };
  const replica: Replica = new Replica({
    vault,
    cache,
    writer,
    outbox,
    clock,
    me: () => me.value,
    onDuty: () => duty.value.on,
    changed: (ids) => tabs?.tell({ t: "changed", ids }),
    wrote: () => {
      void recount();
      rounds?.kick();
      tabs?.tell({ t: "wrote" });
    },
    orgChanged: () => void reloadOrg(),
    answersChanged: () => {
      void recount();
      tabs?.tell({ t: "marks" });
    },
  });

  if (!(await vault.head(key.chain))) await writer.open(openingDraft(key, APP));
  try {
    if (!(await sameStorage(vault))) await leaving.leave("storage");
    await leaving.mend();
  } catch (error) {
    if (!(error instanceof VaultRefused)) throw error; // no other chain can be kept now; writing is loud about it
  }
  await replica.open();
  await recount();

  const push = new Push({
    session: () => session,
    onDuty: () => duty.value.on,
    browser: browserPush(),
    nowMs: () => clock.nowMs(),
  });
  void push.settle();
  const link = new Link({ session: () => session });
  const write = async (draft: Draft): Promise<void> => {
    await writer.write(draft);
    await recount();
  };
  const lead = (): (() => void) => {
    const mine = new Rounds({
      link,
      outbox,
      replica,
      clock,
      status,
      app: APP,
      vault,
      keeper,
      write,
      watch,
      leaving,
      clearing: clearing({
        cache,
        vault,
        replica,
        after: () => {
          tabs?.tell({ t: "cleared" });
          clearedPage();
        },
      }),
      session: () => session,
      answered: () => {
        void recount();
        tabs?.tell({ t: "marks" });
      },
      settled: () => {
        tellStatus();
        if (status.reachable && push.state.value === "untold") void push.settle();
        if (status.trouble?.code === REVOKED) void drop();
        const { lastContactMs, offsetMs, spreadMs } = status;
        const contact: Contact = { lastContactMs, offsetMs, spreadMs, beacon: keeper.beacon };
        void cache.setMeta("contact", contact).catch(() => undefined);
      },
    });
    rounds = mine;
    mine.start();
    return () => {
      mine.stop();
      rounds = null;
    };
  };
  const tellStatus = (): void => tabs?.tell({ t: "status", status: { ...status }, beacon: keeper.beacon });
  /** A tab that does not lead has a session of its own, and nobody else can measure its clock. */
  const measure = async (): Promise<void> => {
    if (status.reachable && sight.hides() !== null && keeper.wantsSample) {
      const sent = keeper.read();
      const reply = await link.time(sent.wallMs);
      await keeper.heard(sent, { now_ms: reply.t3, uncertainty_ms: reply.uncertainty_ms });
    }
    if (keeper.isOwing && (await keeper.place(session.chain, write))) tabs?.tell({ t: "wrote" });
  };
  const hear = (news: News): void => {
    if (news.t === "changed") void replica.refresh(news.ids, true);
    if (news.t === "status" && !rounds) {
      Object.assign(status, news.status);
      keeper.beacon = news.beacon;
      void measure().catch(() => undefined); // no luck now; it is asked again after the next round
    }
    if (news.t === "ask" && rounds) tellStatus();
    if (news.t === "wrote") rounds?.kick();
    if (news.t === "cleared") clearedPage();
    if (news.t === "session") void current().then((now) => writer.moveTo(now));
    void recount();
  };
  tabs = joinTabs({ lead, hear });
  tabs.tell({ t: "ask" });

  const courierParts = async (): Promise<CourierParts> => {
    const { unkept } = writer;
    const { station } = me.value;
    const key = await current();
    return { vault, cache, outbox, watch, session, station, key, unkept, app: APP, nowMs: clock.nowMs() };
  };

  const sync = computed<SyncState>(() => ({
    head: counts.head + writer.unkept.length,
    acked: counts.acked,
    kept: counts.kept,
    refusals: counts.refusals,
    unkept: writer.unkept.length,
    suspended: status.trouble?.kind === "refused",
    alarmed: Boolean(status.alarm),
    reachable: status.reachable,
    lastContactMs: status.lastContactMs,
    sending: status.sending,
  }));

  return {
    get session() {
      return session;
    },
    org,
    me,
    incidents: replica.incidents,
    moved: replica.moved,
    status,
    sync,
    told,
    duty,
    push,
    record: (draft) => replica.record(draft),
    story: (id) => replica.story(id),
    found: (id) => replica.found(id),
    reached: (id) => replica.reached(id),
    outbox: (most) => outbox.list(most),
    remarks: (set) => replica.remarks(set),
    async sendNow() {
      if (rounds) await rounds.now();
      else tabs?.tell({ t: "wrote" });
    },
    courier: courierParts,
    async heeded({ confirmed, borneOut, touched }) {
      keeper.settled(confirmed);
      await replica.confirmed(confirmed, borneOut);
      await replica.refresh(touched);
      status.alarm = await watch.alarm();
      await recount();
      tabs?.tell({ t: "marks" });
    },
    async read(mark) {
      await outbox.read(mark);
      await recount();
      tabs?.tell({ t: "marks" });
    },
    async setDuty(on) {
      duty.value = { on, sinceMs: clock.nowMs() };
      await vault.setMeta("duty", duty.value);
      void push.settle();
      if (on) await replica.deliverDue();
    },
    draft: (name) => vault.meta<string>(`draft:${name}`),
    keepDraft: (name, text) => vault.setMeta(`draft:${name}`, text),
    stop() {
      clearInterval(beating);
      tabs?.leave();
      vault.close();
      cache.close();
    },
  };
}

/** The page that says so; nothing of this one lives on. */
function clearedPage(): void {
  location.replace("/enrol?suspended");
}
