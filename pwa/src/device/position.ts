/**
 * Where this phone is, with the age and width of the fix. Best effort: without permission or satellites there is
 * none, and nothing waits for it.
 *
 * Responsible for: one watch while somebody needs it, and the integer form the sets carry (1e-7 degree, WGS-84,
 * metres). Refuses to know what the position is for, and never keeps a track.
 *
 *     const stop = watchPosition();
 *     fix.value;                  // { lat: 378_812_000, lon: 1_074_021_000, accM: 12, atMs: 1773297131000 }
 */
import { readonly, shallowRef } from "vue";

export interface Fix {
  lat: number;
  lon: number;
  accM: number;
  atMs: number;
}

/** A fix older than this is not evidence of where a milestone happened. */
export const FRESH_MS = 60_000;
const DEGREE = 1e7;
const EARTH_M = 6_371_000;

const last = shallowRef<Fix | null>(null);
export const fix = readonly(last);
let watchers = 0;
let watchId = 0;

/** Follow the position until the returned function is called. Several callers share one watch. */
export function watchPosition(): () => void {
  if (typeof navigator === "undefined" || !navigator.geolocation) return () => undefined;
  watchers += 1;
  if (watchers === 1) {
    watchId = navigator.geolocation.watchPosition(
      ({ coords, timestamp }) => {
        last.value = {
          lat: Math.round(coords.latitude * DEGREE),
          lon: Math.round(coords.longitude * DEGREE),
          accM: Math.ceil(coords.accuracy),
          atMs: timestamp,
        };
      },
      () => undefined, // refused or no satellites: the screens show nothing rather than something old
      { enableHighAccuracy: true, maximumAge: 15_000 },
    );
  }
  let watching = true;
  return () => {
    if (!watching) return;
    watching = false;
    watchers -= 1;
    if (watchers === 0) navigator.geolocation.clearWatch(watchId);
  };
}

/** `[lat, lon, acc_m]` for a claim, if the fix is fresh. */
export function freshFix(nowMs: number): [number, number, number] | null {
  const at = last.value;
  return at && nowMs - at.atMs <= FRESH_MS ? [at.lat, at.lon, at.accM] : null;
}

/** Straight-line distance in metres between two points of 1e-7 degree (haversine; under 0.6 % off on the ellipsoid). */
export function distanceM(a: readonly [number, number], b: readonly [number, number]): number {
  const rad = (units: number): number => (units / DEGREE) * (Math.PI / 180);
  const [latA, latB] = [rad(a[0]), rad(b[0])];
  const h = Math.sin((latB - latA) / 2) ** 2 + Math.cos(latA) * Math.cos(latB) * Math.sin(rad(b[1] - a[1]) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}
