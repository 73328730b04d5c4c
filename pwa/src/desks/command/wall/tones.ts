/**
 * Three short sounds made on the spot, told apart with closed eyes: a breach falls in three steps, an order that no phone
 * took knocks twice, something put on a list is one soft call.
 *
 * Responsible for playing one and for knowing whether the browser lets it. Refuses to know when to play: browsers keep sound
 * locked until somebody presses a key or touches the page, and `locked` says so, so that the desk can.
 *
 *     const tones = openTones();
 *     tones.play("breach");
 *     tones.locked.value;      // true until somebody pressed something
 */
import { readonly, shallowRef } from "vue";
import type { Kind } from "./sounding";

interface Note {
  readonly atS: number;
  readonly hz: number;
  readonly forS: number;
}
const TONES: Readonly<
  Record<Kind, { readonly wave: OscillatorType; readonly gain: number; readonly notes: readonly Note[] }>
> = {
  breach: {
    wave: "square",
    gain: 0.25,
    notes: [
      { atS: 0, hz: 880, forS: 0.18 },
      { atS: 0.22, hz: 659, forS: 0.18 },
      { atS: 0.44, hz: 494, forS: 0.34 },
    ],
  },
  undelivered: {
    wave: "triangle",
    gain: 0.5,
    notes: [
      { atS: 0, hz: 587, forS: 0.12 },
      { atS: 0.2, hz: 587, forS: 0.12 },
    ],
  },
  told: { wave: "sine", gain: 0.35, notes: [{ atS: 0, hz: 523, forS: 0.4 }] },
};
const EDGE_S = 0.015;

export function openTones() {
  const audio = typeof AudioContext === "undefined" ? null : new AudioContext();
  const locked = shallowRef(audio !== null && audio.state !== "running");
  audio?.addEventListener("statechange", () => {
    locked.value = audio?.state !== "running";
  });
  return {
    /** The browser has not been allowed to make a sound yet. */
    locked: readonly(locked),
    /** Ask the browser for sound; it agrees only while somebody presses something. */
    unlock(): void {
      if (audio?.state === "suspended") void audio.resume();
    },
    play(kind: Kind): void {
      if (audio?.state !== "running") return;
      const { wave, gain, notes } = TONES[kind];
      for (const note of notes) {
        const begin = audio.currentTime + note.atS;
        const tone = audio.createOscillator();
        const volume = audio.createGain();
        tone.type = wave;
        tone.frequency.value = note.hz;
        volume.gain.setValueAtTime(0, begin);
        volume.gain.linearRampToValueAtTime(gain, begin + EDGE_S);
        volume.gain.setValueAtTime(gain, begin + note.forS - EDGE_S);
        volume.gain.linearRampToValueAtTime(0, begin + note.forS);
        tone.connect(volume).connect(audio.destination);
        tone.start(begin);
        tone.stop(begin + note.forS);
      }
    },
    close: (): void => void audio?.close(),
  };
}
