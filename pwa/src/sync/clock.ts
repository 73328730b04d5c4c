/**
 * The hybrid logical clock as pure functions (SPEC HL). Mirrors `sync/clock.py`. Reads no wall clock: the time walks in.
 *
 *     send({ ms: 1000, counter: 0 }, 1000, 0)   // { stamp: { ms: 1000, counter: 1 }, reset: false }
 */
import type { Bytes } from "./ids";

export interface Stamp {
  readonly ms: number;
  readonly counter: number;
}

export const MS_MAX = 2 ** 48 - 1;
export const COUNTER_MAX = 2 ** 16 - 1;
export const AHEAD_WITH_OFFSET_MS = 60_000;
export const AHEAD_WITHOUT_OFFSET_MS = 600_000;
export const ZERO: Stamp = { ms: 0, counter: 0 };

/** 8 bytes big-endian: 48-bit ms, 16-bit counter; they sort as the stamps do. */
export function pack({ ms, counter }: Stamp): Bytes {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(ms / 2 ** 16));
  view.setUint16(4, ms % 2 ** 16);
  view.setUint16(6, counter);
  return bytes;
}

export function unpack(bytes: Uint8Array): Stamp {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { ms: view.getUint32(0) * 2 ** 16 + view.getUint16(4), counter: view.getUint16(6) };
}

export function compareStamps(a: Stamp, b: Stamp): number {
  return a.ms - b.ms || a.counter - b.counter;
}

/** Wall clock corrected by the last known (server − device) difference, clamped to 48 bits (HL4). */
export function physicalMs(wallMs: number, offsetMs: number | null): number {
  const wall = Math.min(Math.max(wallMs, 0), MS_MAX);
  return Math.min(Math.max(wall + (offsetMs ?? 0), 0), MS_MAX);
}

/** How far ahead of physical time a stamp may be before it is not believed. */
export function aheadMs(offsetMs: number | null): number {
  return offsetMs === null ? AHEAD_WITHOUT_OFFSET_MS : AHEAD_WITH_OFFSET_MS;
}

/** The stamp for a new set, and whether the clock had to be reset because it ran too far ahead (HL1). */
export function send(last: Stamp, wallMs: number, offsetMs: number | null): { stamp: Stamp; reset: boolean } {
  const physical = physicalMs(wallMs, offsetMs);
  if (last.ms - physical > aheadMs(offsetMs)) return { stamp: { ms: physical, counter: 0 }, reset: true };
  if (physical > last.ms) return { stamp: { ms: physical, counter: 0 }, reset: false };
  if (last.counter < COUNTER_MAX) return { stamp: { ms: last.ms, counter: last.counter + 1 }, reset: false };
  return { stamp: { ms: Math.min(last.ms + 1, MS_MAX), counter: 0 }, reset: false };
}

/** The clock after a whole batch, and the positions in it too far ahead to be believed (HL2, HL3). */
export function receive(
  last: Stamp,
  wallMs: number,
  offsetMs: number | null,
  remotes: readonly Stamp[],
): { stamp: Stamp; ahead: number[] } {
  const limit = physicalMs(wallMs, offsetMs) + aheadMs(offsetMs);
  const ahead: number[] = [];
  let stamp = last;
  remotes.forEach((remote, position) => {
    if (remote.ms > limit) ahead.push(position);
    else if (compareStamps(remote, stamp) > 0) stamp = remote;
  });
  return { stamp, ahead };
}
