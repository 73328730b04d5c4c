/**
 * The order alarm: a tone made on the spot (no file to fetch), vibration, and the place spoken aloud where the
 * platform can.
 *
 * Responsible for: ringing as loud as told until told to stop, and knowing whether it could ring at all. Refuses to know
 * what an order is, when to ring and when to ring louder. A browser keeps sound locked until the first touch: `armed()`
 * says so, so that the screen can.
 *
 *     unlockOnTouch();                                    // once, at start
 *     const ring = startAlarm({ say: "来警，草场纠纷，昂素镇", lang: "zh-CN" }, 1);
 *     ring.rise(3);
 *     ring.stop();
 */
import { readonly, shallowRef } from "vue";

/** One pass of the ring: two rising calls, then silence; loud where it matters, 700–1 400 Hz. */
const NOTES = [
  { atS: 0, hz: 784, forS: 0.16 },
  { atS: 0.18, hz: 1175, forS: 0.26 },
  { atS: 0.6, hz: 784, forS: 0.16 },
  { atS: 0.78, hz: 1175, forS: 0.26 },
];
export type Loudness = 1 | 2 | 3;
/** Once in a while; oftener and louder; as loud as it goes and without a pause. */
const LOUD: Readonly<Record<Loudness, { everyMs: number; gain: number; buzzMs: number[] }>> = {
  1: { everyMs: 4_000, gain: 0.3, buzzMs: [350, 150, 350] },
  2: { everyMs: 2_000, gain: 0.6, buzzMs: [350, 150, 350, 150, 350] },
  3: { everyMs: 1_250, gain: 1, buzzMs: [1_250] },
};
/** Say it at the start and then every fifth ring. */
const SAY_EVERY = 5;

let audio: AudioContext | null = null;
const canRing = shallowRef(false);

/** True once a touch has unlocked sound on this page. */
export const armed = readonly(canRing);

/** Unlock sound at the first touch or key of this page. Returns how to stop waiting for it. */
export function unlockOnTouch(): () => void {
  if (typeof AudioContext === "undefined") return () => undefined;
  const done = new AbortController();
  const unlock = (): void => {
    audio ??= new AudioContext();
    void audio.resume().then(() => {
      canRing.value = audio?.state === "running";
      if (canRing.value) done.abort();
    });
  };
  addEventListener("pointerdown", unlock, { capture: true, signal: done.signal });
  addEventListener("keydown", unlock, { capture: true, signal: done.signal });
  return () => done.abort();
}

function ringOnce(context: AudioContext, loud: number): void {
  for (const note of NOTES) {
    const begin = context.currentTime + note.atS;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.type = "square"; // cuts through engine noise better than a sine
    tone.frequency.value = note.hz;
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(loud, begin + 0.01);
    gain.gain.setValueAtTime(loud, begin + note.forS - 0.03);
    gain.gain.linearRampToValueAtTime(0, begin + note.forS);
    tone.connect(gain).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + note.forS);
  }
}

function sayAloud(text: string, lang: string): void {
  if (typeof speechSynthesis === "undefined") return;
  const words = new SpeechSynthesisUtterance(text);
  words.lang = lang;
  speechSynthesis.speak(words);
}

/** Ring, buzz and speak until stopped. Starting is always allowed; what the platform cannot do is left out. */
export function startAlarm(
  order: { say: string; lang: string },
  loudness: Loudness,
): { rise(to: Loudness): void; stop(): void } {
  let passes = 0;
  let loud = LOUD[loudness];
  let timer: ReturnType<typeof setTimeout>;
  const pass = (): void => {
    if (audio?.state === "running") ringOnce(audio, loud.gain);
    navigator.vibrate?.(loud.buzzMs);
    if (passes % SAY_EVERY === 0) sayAloud(order.say, order.lang);
    passes += 1;
    timer = setTimeout(pass, loud.everyMs);
  };
  pass();
  return {
    rise(to) {
      if (loud === LOUD[to]) return;
      loud = LOUD[to];
      clearTimeout(timer);
      pass();
    },
    stop() {
      clearTimeout(timer);
      navigator.vibrate?.(0);
      if (typeof speechSynthesis !== "undefined") speechSynthesis.cancel();
    },
  };
}
