/**
 * Keeping the screen lit while on duty, because a locked phone cannot ring by itself.
 *
 * Responsible for holding the browser's wake lock and taking it again when the page is shown. Best effort: where the
 * platform has none, nothing happens and the duty screen says that the phone must stay lit anyway.
 *
 *     const release = keepLit();
 *     release();
 */
export function keepLit(): () => void {
  if (typeof navigator === "undefined" || !navigator.wakeLock) return () => undefined;
  let held: WakeLockSentinel | null = null;
  let wanted = true;
  const take = async (): Promise<void> => {
    if (!wanted || held || document.visibilityState !== "visible") return;
    const lock = await navigator.wakeLock.request("screen").catch(() => null); // refused on low battery: nothing to do
    if (!lock) return;
    if (!wanted) return void lock.release();
    held = lock;
    lock.addEventListener("release", () => {
      held = null;
    });
  };
  const shown = (): void => void take();
  document.addEventListener("visibilitychange", shown);
  void take();
  return () => {
    wanted = false;
    document.removeEventListener("visibilitychange", shown);
    void held?.release();
  };
}
