/**
 * The sounds of one seat: what stands on the wall is heard once, and switch and memory outlive a reload. Each person has
 * their own, kept in this browser; where it keeps nothing, a wall that is opened again begins anew.
 *
 *     const sounds = useSounds(() => shown.value, person.id);
 *     sounds.fresh.value.has(keyOf(row));
 */
import { computed, onScopeDispose, shallowRef, watch } from "vue";
import { now } from "../../../ui/now";
import type { ShownWall } from "./model";
import { freshRows, type Heard, happened, SWITCHES, type Switch, sounding } from "./sounding";
import { openTones } from "./tones";

function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
function keep(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // a browser that keeps nothing still sounds
  }
}

/** What was heard, by whichever page of this seat heard it last; whatever cannot be read was not heard. */
function readHeard(key: string): Heard {
  try {
    const pairs: unknown = JSON.parse(kept(key) ?? "[]");
    return new Map(
      (Array.isArray(pairs) ? pairs : []).filter(
        (pair): pair is [string, number] => typeof pair?.[0] === "string" && typeof pair[1] === "number",
      ),
    );
  } catch {
    return new Map();
  }
}

export function useSounds(shown: () => ShownWall | null, seat: string) {
  const switchKey = `ortoo.wall.sound.${seat}`;
  const heardKey = `ortoo.wall.heard.${seat}`;
  const was = kept(switchKey);
  const to = shallowRef<Switch>(SWITCHES.find((one) => one === was) ?? "all");
  const tones = openTones();
  // any press of a key or a button is the permission that browsers wait for
  for (const press of ["keydown", "pointerdown"]) addEventListener(press, tones.unlock, { capture: true });
  onScopeDispose(() => {
    for (const press of ["keydown", "pointerdown"]) removeEventListener(press, tones.unlock, { capture: true });
    tones.close();
  });

  const all = computed(() => {
    const wall = shown();
    return wall ? happened(wall, now.value) : [];
  });
  watch(
    all,
    (things) => {
      if (things.length === 0) return;
      const before = readHeard(heardKey);
      const { sound, heard } = sounding(things, before, to.value, now.value);
      if (heard === before) return;
      keep(heardKey, JSON.stringify([...heard]));
      if (sound) tones.play(sound);
    },
    { immediate: true },
  );
  return {
    /** The switch: everything, breaches only, nothing. */
    to,
    /** Sound is wanted, and the browser does not let it yet. */
    locked: computed(() => to.value !== "off" && tones.locked.value),
    /** The rows that something happened to a moment ago. */
    fresh: computed(() => freshRows(all.value, now.value)),
    /** One press: let the browser sound if it does not yet, else the next position of the switch. */
    press(): void {
      if (to.value !== "off" && tones.locked.value) {
        tones.unlock();
        return;
      }
      to.value = SWITCHES[(SWITCHES.indexOf(to.value) + 1) % SWITCHES.length] ?? "all";
      keep(switchKey, to.value);
    },
  };
}
