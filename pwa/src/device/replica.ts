/**
 * The one door on this side: write an action, read incidents. What is read is always
 * fold(what was pulled, own sets not yet ruled), so a press shows at once, with or without a network.
 *
 * Responsible for: keeping a set before showing it, folding again what changed, applying pulls with their cursors in
 * one transaction, and writing the automatic `delivered` claim once per order that reaches this device. Refuses to know
 * when to talk to the centre (`rounds.ts`) and how anything looks.
 *
 *     const { ops } = await replica.record({ entity, scope, lane: 1, ops: [{ t: "milestone.claim", … }] });
 *     replica.incidents.get(entity)?.status;      // "arrived", reactive
 */
import { shallowReactive } from "vue";
import { isRefusal, type Op, readSet } from "../sync/changeset";
import { unpack } from "../sync/clock";
import { type Found, newestOf } from "../sync/evidence/found";
import { type HelloReply, type PullReply, type ScopePage, STATION } from "../sync/exchange";
import { fromHex, toHex } from "../sync/ids";
import { type TimelineItem, timeline } from "../sync/incident/timeline";
import { inside, isProvisional, KIND_REDACT, leaving, readRuling } from "../sync/rulings";
import { recordsIn } from "../sync/snapshot";
import { asidesOf, gistOf, recordsOf, unpacked } from "./beginning";
import {
  type Cache,
  type Cursor,
  CursorMoved,
  type OrgRow,
  type Page,
  type Projected,
  PURGED,
  type Stripped,
} from "./cache";
import { type Folded, foldIncident } from "./folding";
import { MovedAway } from "./moved";
import type { Clock } from "./now";
import type { Heard, Outbox } from "./outbox";
import { checkPage, concernedBy, type Line, leftBy, orgRowsOf, rulingIn, strippedBy } from "./pulled";
import { answerOf, heardIn, type Remark, remarksOf } from "./remarks";
import type { OwnSet, PushAnswer, Reached, Vault } from "./vault";
import { concerns, forMe, type Incident, incidentOf, type Me, type Order, type View } from "./views";
import type { ChainWriter, Draft, Written } from "./writer";

export type { Draft, Written } from "./writer";

export interface ReplicaParts {
  vault: Vault;
  cache: Cache;
  writer: ChainWriter;
  outbox: Outbox;
  clock: Clock;
  me: () => Me;
  /** Off duty, orders are not delivered to this device. */
  onDuty: () => boolean;
  /** Incidents changed here; tell other tabs. */
  changed: (ids: string[]) => void;
  /** Something was written; go and send it. */
  wrote: () => void;
  /** Org rows came; names may have changed. */
  orgChanged: () => void;
  /** People at the centre decided or asked about own sets. */
  answersChanged: () => void;
}

/** Closed incidents older than this leave the phone's list. Own sets stay in the vault. */
const KEEP_CLOSED_MS = 30 * 86_400_000;
/** The centre's log as last met; `beyond`: what others wrote after this entry of the one before is still to be handed in. */
interface KnownLog {
  origin: string;
  epoch: string;
  /** Epochs before it: a station that is out of touch may still speak of them (SPEC HB5). */
  ended?: string[];
  beyond?: number;
}
const LOG = "log";
const REFUSED = "refusedBy";
const logName = ({ origin, epoch }: KnownLog): string => `${origin}/${epoch}`;
/** Entity and set of what a station brought without words, in hex. */
type Doubt = readonly [string, string];
const DOUBTS = "doubts";
const MOST_OTHERS = 2_000;
/** One scope that breaks or begins anew at one server more often than this in this time: pulling again does not help. */
const RESETS = { most: 3, withinMs: 600_000 };

export class Replica {
  /** Incidents that concern me, by hex id. Reactive. */
  readonly incidents = shallowReactive(new Map<string, Incident>());

  readonly #parts: ReplicaParts;
  readonly #moved: MovedAway;
  /** Newest ruling heard of, for the header item `seen`: proof that what is written now was written after it. */
  #seen: [number, Uint8Array] | null = null;
  /** Who answered last: a station may know less of the centre than we do, or speak of a log that has ended (SPEC HB5). */
  #met: { station: string | null; isBehind: boolean } = { station: null, isBehind: false };
  /** When, by server and scope: what one of them broke keeps nobody from reading at another. */
  readonly #resets = new Map<string, number[]>();

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.#moved = new MovedAway(parts.cache);
  }

  /** Those that were given to another station, by hex id. Reactive. */
  get moved(): MovedAway["known"] {
    return this.#moved.known;
  }

  get unkept(): readonly OwnSet[] {
    return this.#parts.writer.unkept;
  }

  get seen(): [number, Uint8Array] | null {
    return this.#seen;
  }

  /** Show what the last page knew, then fold again what the vault knows better. */
  async open(): Promise<void> {
    const { cache, vault, clock } = this.#parts;
    this.#seen = await cache.meta<[number, Uint8Array]>("seen");
    await this.#moved.load();
    const old: string[] = [];
    for (const { id, view } of await cache.incidents()) {
      const incident = incidentOf(view as View);
      if (incident.status === "closed" && clock.nowMs() - (incident.createdAtMs ?? 0) > KEEP_CLOSED_MS) old.push(id);
      else this.#show(id, view as View);
    }
    const again = new Set<string>();
    for (const id of await vault.ownEntities()) if (!this.incidents.has(id) && !old.includes(id)) again.add(id);
    for (const mark of await vault.unsent()) again.add((await vault.own(mark.chain, mark.seq))?.entity ?? "");
    await this.refresh([...again]);
    await cache.forgetIncidents(old);
  }

  /** Sign, keep and show one action. Resolves when it is on disk, or loudly in memory (`kept` is false). */
  async record(draft: Draft): Promise<Written> {
    const written = await this.#parts.writer.write(draft);
    if (written.set.kind === "incident") await this.refresh([draft.entity]);
    this.#parts.wrote();
    return written;
  }

  /** Fold these incidents again and show those that concern me. `quiet`: another tab said so and knows already. */
  async refresh(ids: readonly string[], quiet = false): Promise<void> {
    const { cache, changed } = this.#parts;
    const projected: Projected[] = [];
    const gone: string[] = [];
    for (const id of ids) {
      const [folded, before] = [await this.#fold(id), this.incidents.has(id)];
      if (folded && this.#show(id, folded.view)) projected.push({ id, view: folded.view });
      else if (before) gone.push(id);
    }
    for (const id of gone) this.incidents.delete(id);
    if (quiet && gone.length > 0) await this.#moved.load();
    if ((projected.length === 0 && gone.length === 0) || quiet) return;
    changed([...projected.map(({ id }) => id), ...gone]);
    // The projection is a convenience for the next start; without it the fold is simply done again.
    await cache.putIncidents(projected).catch(() => undefined);
    if (gone.length > 0) await cache.forgetIncidents(gone);
  }

  /** The merged timeline of one incident, in order of event time. */
  async story(id: string): Promise<TimelineItem[]> {
    const folded = await this.#fold(id);
    return folded ? timeline(folded.items, folded.view) : [];
  }

  /**
   * How far sets about one incident have come, by the first half of their ids (hex): own ones as the vault knows, and those of
   * others that only a station has ruled on.
   */
  async reached(id: string): Promise<Map<string, Reached>> {
    const come = new Map<string, Reached>();
    for (const { key, idx } of (await this.#fold(id))?.items ?? [])
      if (idx !== null && isProvisional(idx)) come.set(key.slice(0, 32), "station");
    for (const set of await this.#parts.vault.ownOf(id)) come.set(set.id.slice(0, 32), set.reached);
    return come;
  }

  /** What the centre found of each clock of one incident, as far as it came here. */
  async found(id: string): Promise<Found[]> {
    const entries = await this.#parts.cache.entriesOf(id);
    return newestOf(entries.flatMap(({ raw, ruling }) => (raw ? [] : (rulingIn(ruling) ?? []))));
  }

  #show(id: string, view: View): boolean {
    const incident = incidentOf(view);
    const mine = concerns(incident, this.#parts.me());
    if (mine) this.incidents.set(id, incident);
    else this.incidents.delete(id);
    return mine;
  }

  /** What the cache (or `page`, which is about to replace part of it), the vault and memory say. */
  async #fold(id: string, page?: Page): Promise<Folded | null> {
    const { cache, vault } = this.#parts;
    let entries = await cache.entriesOf(id);
    if (page?.reset) entries = entries.filter((entry) => entry.scope !== page.scope);
    if (page) entries = [...entries, ...page.entries.filter((entry) => entry.entity === id)];
    const own = [...(await vault.ownOf(id)), ...this.unkept.filter((set) => set.entity === id)];
    const begun = page?.reset ? [] : await cache.recordsOf(id);
    return foldIncident(id, entries, own, begun);
  }

  /** Nothing that the centre told is here any more: show what this phone wrote itself. */
  async forgotten(): Promise<void> {
    this.incidents.clear();
    this.#seen = null;
    await this.refresh([...(await this.#parts.vault.ownEntities())]);
    this.#parts.orgChanged();
  }

  // ---- what rounds need ----------------------------------------------------------------------

  /** The head of a chain of ours, and what is still owed, for hello. */
  async owed(chain = this.#parts.writer.chain): Promise<{ head: number; pending: number; oldestMs: number | null }> {
    const { vault } = this.#parts;
    const unsent = await vault.unsent();
    const waiting = [...unsent.map((mark) => mark.wroteAtMs), ...this.unkept.map((set) => set.wroteAtMs)];
    const head = (await vault.head(chain))?.seq ?? -1;
    return {
      head: Math.max(head, ...this.unkept.filter((set) => set.chain === chain).map((set) => set.seq)),
      pending: waiting.length,
      oldestMs: waiting.length ? Math.min(...waiting) : null,
    };
  }

  /**
   * A server introduced itself. Another log than last time: what the old one answered is owed again (SPEC TL11). True for a
   * station that is behind: what it says of the centre is of a log that has ended (HB5).
   */
  async met(hello: Pick<HelloReply, "log" | "role" | "server">): Promise<boolean> {
    const {
      log: { origin, epoch, lost = [] },
      role,
      server,
    } = hello;
    const { vault, cache, outbox } = this.#parts;
    const before = await vault.meta<KnownLog>(LOG);
    this.#met = { station: role === STATION ? toHex(server) : null, isBehind: false };
    if (!this.#met.station) await outbox.oweHearsay();
    const named = lost.map(([one]) => toHex(one));
    const ended = new Set([...(before ? [...(before.ended ?? []), before.epoch] : []), ...named]);
    const known: KnownLog = { origin, epoch: toHex(epoch) };
    if (before?.origin === origin && before.epoch === known.epoch) return false;
    this.#met.isBehind = this.#met.station !== null && ended.has(known.epoch);
    if (this.#met.isBehind) return true;
    ended.delete(known.epoch);
    if (ended.size > 0) known.ended = [...ended];
    if (before) {
      await outbox.oweEverything();
      known.beyond = lost[named.indexOf(before.epoch)]?.[1] ?? 0;
      this.#seen = null; // it named a place in the log that ended
      await cache.setMeta("seen", null);
    }
    await vault.setMeta(LOG, known);
    return false;
  }

  /** The centre has no more to do with this phone. What another log of it had said to have is owed again, before that is
   *  handed over (SPEC EX12). */
  async refusedBy(log: string | null): Promise<void> {
    const { vault, outbox } = this.#parts;
    const before = await vault.meta<KnownLog>(LOG);
    if (!log || !before || [logName(before), await vault.meta<string>(REFUSED)].includes(log)) return;
    await outbox.oweEverything();
    await vault.setMeta(REFUSED, log);
  }

  /** What others wrote and the centre may have lost, as far as it is still here: to be handed in before a pull (SPEC TL12). */
  async others(): Promise<Uint8Array[]> {
    const { vault, cache } = this.#parts;
    const { beyond } = (await vault.meta<KnownLog>(LOG)) ?? {};
    if (beyond === undefined) return [];
    const mine = new Set(await vault.chains());
    const sets: Uint8Array[] = [];
    for (const { raw } of await cache.setsBeyond(beyond)) {
      const set = raw && (await readSet(raw));
      if (set && !isRefusal(set) && set.body && !mine.has(toHex(set.header.chain))) sets.push(raw);
    }
    return sets.slice(-MOST_OTHERS);
  }

  /** They are handed in, or there were none. */
  async broughtOthers(): Promise<void> {
    const log = await this.#parts.vault.meta<KnownLog>(LOG);
    if (log?.beyond === undefined) return;
    const { beyond: _brought, ...known } = log;
    await this.#parts.vault.setMeta(LOG, known);
  }

  /** These sets are durable at the centre; `borneOut`: so far only a station had said so, and what it said of their words. */
  async confirmed(ids: ReadonlySet<string>, borneOut: readonly OwnSet[] = []): Promise<void> {
    const gone = await this.#redacted(new Set(borneOut.map(({ entity }) => entity)));
    for (const { chain, seq, id, entity } of borneOut)
      if (gone.has(id)) await this.#parts.vault.strip({ chain, seq, set: id, entity });
    return this.#parts.writer.confirmed(ids);
  }

  /** What to pull: the scopes that hello names, but those of a station that was shut out, and those of chains that this phone
   *  wrote on before it was enrolled anew. */
  async following({
    scopes,
    role,
  }: Pick<HelloReply, "scopes" | "role">): Promise<(readonly [string, number, number])[]> {
    const ours = await this.#ours(role);
    const over = await this.#shutOut(scopes.map(([scope]) => scope));
    const named = scopes.filter(([scope]) => ours(scope) && !over.has(scope));
    const before = (await this.#parts.vault.chains()).map((chain) => `device:${chain}`);
    const others = before.filter((scope) => named.every(([one]) => one !== scope));
    return [...named, ...others.map((scope) => [scope, 0, 0] as const)];
  }

  /** At a station, which may have heard less or more of the centre: no month of a station is ours but of the one that our
   *  person belongs to, as far as the organisation was read here (SPEC HB6). */
  async #ours(role: string): Promise<(scope: string) => boolean> {
    const { cache, me } = this.#parts;
    const person = role === STATION ? await cache.orgRow("people", me().person) : null;
    if (!person) return () => true;
    const station = person.row?.["station"];
    const months = `station:${station instanceof Uint8Array ? toHex(station) : ""}:`;
    return (scope) => !inside(scope).startsWith("station:") || inside(scope).startsWith(months);
  }

  /**
   * Drop the lines of scopes that are no longer ours, as the server that was met can tell. Older months of a station we still
   * follow stay. Of the centre's scopes the centre tells, or its rows on our person, of its own a station that is not shut out
   * (SPEC HB6). Gives where those stood that were dropped, until that is signed (SC5).
   */
  async keepOnly(
    listed: readonly string[],
    { role, server }: Pick<HelloReply, "role" | "server">,
  ): Promise<readonly Cursor[]> {
    const { cache } = this.#parts;
    const told = new Set<string>();
    const family = (scope: string): string => scope.split(":").slice(0, 2).join(":");
    const families = new Set(listed.map(family));
    const ours = await this.#ours(role);
    const own = `hub:${toHex(server)}:`;
    const held = await cache.cursors();
    const over = await this.#shutOut(held.map(({ scope }) => scope));
    for (const cursor of held) {
      const { scope } = cursor;
      const gone =
        role !== STATION
          ? !families.has(family(inside(scope)))
          : !ours(scope) || (scope.startsWith(own) && !listed.includes(scope));
      if (!gone && !over.has(scope)) continue;
      for (const entity of await cache.entitiesOf(scope)) told.add(entity);
      await cache.forgetScope(scope, cursor);
    }
    // What nobody else told is not shown any more; what this phone wrote itself is.
    await this.refresh([...told]);
    return (await cache.meta<Cursor[]>(PURGED)) ?? [];
  }

  /** That they were dropped is signed. */
  purged(): Promise<void> {
    return this.#parts.cache.setMeta(PURGED, []);
  }

  /** Those of a station whose chain, or the one that goes on in its place, was revoked: it can take nothing back any more. */
  async #shutOut(scopes: readonly string[]): Promise<ReadonlySet<string>> {
    const over = new Set<string>();
    for (const scope of scopes) {
      let [, chain = ""] = isCentres(scope) ? [] : scope.split(":");
      const met = new Set<string>();
      let row: OrgRow["row"] = null;
      while (chain && !met.has(chain)) {
        met.add(chain);
        row = (await this.#parts.cache.orgRow("devices", chain))?.row ?? null;
        chain = row?.["continued_by"] instanceof Uint8Array ? toHex(row["continued_by"]) : "";
      }
      if (row?.["revoked_at_ms"]) over.add(scope);
    }
    return over;
  }

  async cursors(scopes: readonly (readonly [string, number, number])[]): Promise<[string, number, number][]> {
    const cursors: [string, number, number][] = [];
    for (const [scope, epoch] of scopes) {
      const at = await this.#parts.cache.cursor(scope);
      cursors.push(at ? [scope, at.epoch, at.n] : [scope, epoch, 0]);
    }
    return cursors;
  }

  /** Check and keep a pull, fold what it touched. True when any cursor moved. */
  async apply(reply: PullReply): Promise<boolean> {
    const { cache, clock } = this.#parts;
    let moved = false;
    for (const from of reply.scopes) {
      if (from.snapshot) continue; // comes by `begin`
      const cursor = await cache.cursor(from.scope);
      const checked = await checkPage(from, cursor);
      if (checked === "elsewhere") continue;
      if (checked === "broken") {
        await this.#startOver(from.scope, clock.nowMs());
        continue;
      }
      if (checked.lines.length === 0 && !checked.page.reset) continue;
      if (checked.page.reset) this.#countReset(from.scope, clock.nowMs());
      moved = (await this.#keep(checked.page, checked.lines)) || moved;
    }
    if (!this.#met.station || reply.size > (this.#seen?.[0] ?? 0)) await this.#hear(reply);
    return moved;
  }

  /** Begin a scope with the snapshot it was offered, `packed` as fetched (SPEC SN3). False when it is another, or comes late. */
  async begin(from: ScopePage, packed: Uint8Array): Promise<boolean> {
    const { cache, vault, writer, clock, me, orgChanged, changed } = this.#parts;
    const whole = await unpacked(packed, from);
    if (whole === "broken" || !from.snapshot) {
      await this.#startOver(from.scope, clock.nowMs());
      return false;
    }
    const records = recordsOf(whole);
    const { mine, stripped, stamps } = gistOf(whole, me());
    for (const one of stripped) await vault.strip(one, this.#met.station !== null);
    const projected: Projected[] = [];
    const asides = asidesOf(whole);
    const left = asides
      .map(({ scope, entity, n, ruling }) => ({ scope, entity, n, ruling: readRuling(ruling) }))
      .filter(({ scope, entity, ruling }) => leaving(ruling, scope) && records.every((one) => one.entity !== entity));
    const away = new Set(left.map(({ entity }) => entity));
    await this.#moved.note(left, this.incidents);
    await this.#moved.back(records.map(({ entity }) => entity));
    for (const id of new Set([...mine, ...this.incidents.keys()])) {
      if (away.has(id)) continue; // folded again below, out of what is left of it
      const lines = (await cache.entriesOf(id)).filter(({ scope }) => scope !== from.scope);
      const elsewhere = (await cache.recordsOf(id)).filter(({ scope }) => scope !== from.scope);
      const own = [...(await vault.ownOf(id)), ...this.unkept.filter((set) => set.entity === id)];
      const begun = [...elsewhere, ...records.filter(({ entity }) => entity === id)];
      const folded = await foldIncident(id, lines, own, begun);
      if (folded && concerns(incidentOf(folded.view), me())) projected.push({ id, view: folded.view });
    }
    const shown = new Set(projected.map(({ id }) => id));
    const gone = [...this.incidents.keys()].filter((id) => !shown.has(id));
    const org = whole.org.map(({ what, id, row }) => ({ what, id: toHex(id), row }));
    const { scope, epoch, n, head } = whole;
    const cursor = { scope, epoch, n, head: head.slice(), awaiting: toHex(from.snapshot.hash) };
    try {
      await cache.begin(cursor, { records, asides, org, incidents: projected, gone, left, stripped });
    } catch (error) {
      if (error instanceof CursorMoved) return false;
      throw error;
    }
    if (org.length > 0) orgChanged();
    writer.hear(stamps);
    await this.#reconsider();
    for (const { id, view } of projected) this.#show(id, view as View);
    for (const id of gone) this.incidents.delete(id);
    changed([...shown, ...gone]);
    await this.refresh([...away]);
    return true;
  }

  /** A snapshot tells how each set stands now, not how it came to that: look again at those the author was to look at. */
  async #reconsider(): Promise<void> {
    const { vault, outbox, answersChanged } = this.#parts;
    const heard: Heard[] = [];
    for (const mark of await vault.attention()) {
      const set = await vault.own(mark.chain, mark.seq);
      const folded = set && (await this.#fold(set.entity));
      const item = folded?.items.find(({ key }) => key.slice(0, 32) === mark.id.slice(0, 32));
      if (item?.decision && !isProvisional(item.idx ?? 0))
        heard.push({ set: mark.id, answer: answerOf(item.idx, item.atMs, item.decision, item.why) });
    }
    const { changed } = await outbox.heard(heard, this.#parts.clock.nowMs(), this.#met.station);
    if (changed) answersChanged();
  }

  /** What people said about an own set since it was ruled, with what its author answered; oldest first. */
  async remarks(set: OwnSet): Promise<Remark[]> {
    const own = [...(await this.#parts.vault.ownOf(set.entity)), ...this.unkept];
    return remarksOf(set, await this.#parts.cache.entriesOf(set.entity), own);
  }

  async #hear({ size, leaf }: PullReply): Promise<void> {
    if (size === 0 || size === this.#seen?.[0]) return;
    this.#seen = [size, leaf];
    await this.#parts.cache.setMeta("seen", this.#seen);
  }

  async #keep(page: Page, lines: Line[]): Promise<boolean> {
    const { vault, cache, writer, outbox, clock, orgChanged, answersChanged, changed } = this.#parts;
    await this.#withhold(page.scope, lines);
    const projected: Projected[] = [];
    const left = leftBy(lines);
    const gone = new Set(left.map(({ entity }) => entity));
    await this.#moved.note(left, this.incidents);
    if (page.scope.startsWith("station:"))
      await this.#moved.back(lines.flatMap(({ set, entry }) => (set && !gone.has(entry.entity) ? [entry.entity] : [])));
    for (const id of concernedBy(lines, this.#parts.me(), this.incidents)) {
      if (gone.has(id)) continue; // folded again below, out of what is left of it
      const folded = await this.#fold(id, page);
      if (folded && concerns(incidentOf(folded.view), this.#parts.me())) projected.push({ id, view: folded.view });
    }
    const org = orgRowsOf(lines);
    const { station, isBehind } = this.#met;
    const before = station ? await this.#strippedBefore(page, lines) : [];
    const stripped = [...strippedBy(lines), ...before];
    if (station) await this.#doubt(lines, before);
    for (const one of stripped) await vault.strip(one, station !== null);
    // The vault first: of a page that was taken in, nothing is told again.
    await this.#recover(lines);
    const owed = new Set((await vault.unsent()).map(({ id }) => id));
    const heard = isBehind ? [] : heardIn(lines, owed);
    const { changed: answers, durable } = await outbox.heard(heard, clock.nowMs(), station);
    await writer.confirmed(durable);
    if (answers) answersChanged();
    try {
      await cache.apply(page, {
        org,
        incidents: projected,
        stripped,
        left,
        strict: projected.length + stripped.length + left.length > 0,
      });
    } catch (error) {
      if (error instanceof CursorMoved) return false;
      throw error;
    }
    if (org.length > 0) orgChanged();
    writer.hear(lines.flatMap(({ set }) => (set ? [unpack(set.header.hlc)] : [])));
    for (const { id, view } of projected) this.#show(id, view as View);
    if (projected.length > 0) changed(projected.map(({ id }) => id));
    await this.refresh([...gone]);
    return true;
  }

  /** Take in no set from beside a scope that its incident has left, as far as this phone knows (SPEC SC6). */
  async #withhold(scope: string, lines: readonly Line[]): Promise<void> {
    const { cache } = this.#parts;
    const of = inside(scope);
    for (const line of of === scope ? [] : lines) {
      const id = line.entry.entity;
      const told = (await cache.entriesOf(id)).filter((one) => one.scope === of);
      const begun = (await cache.recordsOf(id)).some((one) => one.scope === of);
      if (begun || told.some(({ raw }) => raw) || !told.some(({ ruling }) => leaving(readRuling(ruling), of))) continue;
      line.entry.raw = line.set = null;
    }
  }

  /** Sets that a station brings with words of which this phone knows already that they were taken away (SPEC RD3).
   *  What the centre's scopes said in an epoch before this one is not known any more: it was put back since (EX5). */
  async #strippedBefore({ scope, epoch }: Page, lines: readonly Line[]): Promise<Stripped[]> {
    const telling = lines.filter(({ set }) => set?.body);
    const of = isCentres(scope) ? await this.#parts.cache.cursors() : [];
    const ended = new Set(of.filter((at) => isCentres(at.scope) && at.epoch < epoch).map((at) => at.scope));
    const gone = await this.#redacted(new Set(telling.map(({ entry }) => entry.entity)), (one) => !ended.has(one));
    return telling.flatMap(({ entry, set }) =>
      set && gone.has(entry.set)
        ? [{ entity: entry.entity, set: entry.set, chain: toHex(set.header.chain), seq: set.header.seq }]
        : [],
    );
  }

  /** Remember the sets that a station brings without words, which may be taken from other lines too, and those whose
   *  words are not taken in. */
  async #doubt(lines: readonly Line[], before: readonly Stripped[]): Promise<void> {
    const { cache } = this.#parts;
    const bare = lines.flatMap(({ entry, set }) => (set && !set.body ? [entry] : []));
    const doubts = [...bare, ...before].map(({ entity, set }) => [entity, set] as const);
    if (doubts.length > 0) await cache.setMeta(DOUBTS, [...((await cache.meta<Doubt[]>(DOUBTS)) ?? []), ...doubts]);
  }

  /** The centre was read to its end: it has said itself that words were taken away, or they are read anew (HB15). True for the latter. */
  async settleDoubts(): Promise<boolean> {
    const { cache } = this.#parts;
    const anew = new Set<string>();
    const doubts = (await cache.meta<Doubt[]>(DOUBTS)) ?? [];
    const gone = await this.#redacted(new Set(doubts.map(([entity]) => entity)), isCentres);
    for (const [entity, id] of doubts.filter(([, id]) => !gone.has(id))) {
      const lines = (await cache.entriesOf(entity)).filter(({ set }) => set === id);
      for (const { scope } of [...lines, ...(await cache.recordsOf(entity))]) anew.add(scope);
    }
    for (const scope of anew) await cache.forgetScope(scope);
    if (doubts.length > 0) await cache.setMeta(DOUBTS, []);
    return anew.size > 0;
  }

  /** The sets about these entities whose words were taken away, as far as the scopes that count here say so. */
  async #redacted(
    entities: ReadonlySet<string>,
    counts: (scope: string) => boolean = () => true,
  ): Promise<Set<string>> {
    const { cache } = this.#parts;
    const gone = new Set<string>();
    for (const id of entities) {
      for (const { scope, set, ruling } of await cache.entriesOf(id))
        if (counts(scope) && rulingIn(ruling)?.kind === KIND_REDACT) gone.add(set);
      for (const { scope, packed } of await cache.recordsOf(id))
        if (counts(scope)) for (const { set, redaction } of recordsIn(packed)) if (redaction) gone.add(toHex(set));
    }
    return gone;
  }

  /** Take back own sets that the centre has ruled on and this storage has lost (a restored or half-written vault). */
  async #recover(lines: readonly Line[]): Promise<void> {
    const { vault, outbox, clock } = this.#parts;
    const mine = new Set(await vault.chains());
    for (const { set, entry, ruling } of lines) {
      const chain = set?.body ? toHex(set.header.chain) : "";
      // Of every chain this device has the key of: one that was set back is left before its sets come (SPEC FK4).
      if (!set?.body || !mine.has(chain) || isProvisional(ruling.idx)) continue;
      if (await vault.own(chain, set.header.seq)) continue;
      const { d, why, no } = ruling.payload;
      const answer: PushAnswer = {
        r: "duplicate",
        why: typeof why === "string" ? why : null,
        idx: ruling.idx,
        atMs: ruling.atMs,
        d: String(d),
        no: typeof no === "string" ? no : null,
      };
      const own: OwnSet = {
        chain,
        seq: set.header.seq,
        id: entry.set,
        entity: toHex(set.body.entity),
        kind: set.body.kind,
        lane: set.header.lane,
        wroteAtMs: unpack(set.header.hlc).ms,
        raw: set.raw,
      };
      await outbox.adopt(own, answer, clock.nowMs(), this.#met.station);
    }
  }

  /** `delivered`, once per order for me that reached this device: written by the device, not by the person. */
  async deliverDue(): Promise<void> {
    const me = this.#parts.me();
    if (!this.#parts.onDuty()) return;
    for (const known of [...this.incidents.values()]) {
      if (untold(known, me).length === 0) continue;
      await this.refresh([known.id]); // another tab may have said so meanwhile
      const incident = this.incidents.get(known.id) ?? known;
      for (const order of untold(incident, me)) await this.record(delivered(incident, order.id, order.round, me));
    }
  }

  async #startOver(scope: string, nowMs: number): Promise<void> {
    this.#countReset(scope, nowMs);
    await this.#parts.cache.forgetScope(scope);
  }

  /** Tries that are not made are not counted, so that it passes. */
  #countReset(scope: string, nowMs: number): void {
    const here = `${this.#met.station} ${scope}`;
    const lately = (this.#resets.get(here) ?? []).filter((at) => nowMs - at < RESETS.withinMs);
    if (lately.length >= RESETS.most) throw new Error("the centre's lines keep breaking");
    this.#resets.set(here, [...lately, nowMs]);
  }
}

/** Whether a scope is one of the centre's, and not a station's own (SPEC HB3). */
const isCentres = (scope: string): boolean => inside(scope) === scope;

/** Open orders for me that this device has not said to be delivered yet. */
function untold(incident: Incident, me: Me): Order[] {
  return incident.orders.filter((order) => {
    if (!order.open || order.round !== incident.round || !forMe(order, me)) return false;
    if (order.status !== "issued" && order.status !== "delivered") return false;
    return !incident.claims.some(
      ({ kind, order: of, by }) => kind === "delivered" && of === order.id && by === me.person,
    );
  });
}

function delivered(incident: Incident, order: string, round: number, me: Me): Draft {
  const claim = { t: "milestone.claim", kind: "delivered", round, order: fromHex(order), via: "system" } as const;
  const op: Op = me.unit ? { ...claim, unit: fromHex(me.unit) } : claim;
  return { entity: incident.id, scope: incident.scope, lane: 1, ops: [op] };
}
