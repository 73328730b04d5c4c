/**
 * The sounds of one seat: what stands on the wall is heard once, and switch and memory outlive a reload and are those of
 * every wall that this person has open here. A page that the browser keeps silent claims nothing: what happens meanwhile
 * sounds on another one, or with the press that lets it. Where a browser keeps nothing, a wall that is opened again begins
 * anew.
 *
 *     const sounds = useSounds(() => shown.value, person.id);
 *     sounds.fresh.value.has(keyOf(row));
 */
import { computed, onScopeDispose, shallowRef, watch } from "vue";
import { now } from "../../../ui/now";
import { claim } from "./heard";
import type { ShownWall } from "./model";
import { freshRows, happened, news, SWITCHES, type Switch, soundOf } from "./sounding";
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

export function useSounds(shown: () => ShownWall | null, seat: string) {
  const switchKey = `ortoo.wall.sound.${seat}`;
  const readSwitch = (): Switch => SWITCHES.find((one) => one === kept(switchKey)) ?? "all";
  const to = shallowRef<Switch>(readSwitch());
  const tones = openTones();
  // any press of a key or a button is the permission that browsers wait for
  for (const press of ["keydown", "pointerdown"]) addEventListener(press, tones.unlock, { capture: true });
  const turned = ({ key }: StorageEvent): void => {
    if (key === switchKey) to.value = readSwitch();
  };
  addEventListener("storage", turned); // on another page of this seat
  onScopeDispose(() => {
    removeEventListener("storage", turned);
    for (const press of ["keydown", "pointerdown"]) removeEventListener(press, tones.unlock, { capture: true });
    tones.close();
  });

  const all = computed(() => {
    const wall = shown();
    return wall ? happened(wall, now.value) : [];
  });
  const locked = computed(() => to.value !== "off" && tones.locked.value);
  let asked: ReadonlySet<string> = new Set();
  watch(
    [all, locked],
    async ([things, silenced]) => {
      if (silenced) return;
      const ask = news(things, asked, now.value);
      asked = new Set(things.map(({ key }) => key));
      if (ask.length === 0) return;
      const sound = soundOf(await claim(seat, ask, now.value), to.value);
      if (sound) tones.play(sound);
    },
    { immediate: true },
  );
  return {
    /** The switch: everything, breaches only, nothing. */
    to,
    /** Sound is wanted, and the browser does not let it yet. */
    locked,
    /** The rows that something happened to a moment ago. */
    fresh: computed(() => freshRows(all.value, now.value)),
    /** One press: let the browser sound if it does not yet, else the next position of the switch. */
    press(): void {
      if (locked.value) {
        tones.unlock();
        return;
      }
      to.value = SWITCHES[(SWITCHES.indexOf(to.value) + 1) % SWITCHES.length] ?? "all";
      keep(switchKey, to.value);
    },
  };
}
