/**
 * Hints that the centre's log moved: one event stream for all that is open on this desk, and a question every
 * 15 s when no hint came, because a stream can hang without saying so.
 *
 * Responsible for opening, reopening and closing the stream. Refuses to know what anybody does with a hint: a
 * hint carries no data, whoever hears it asks the server (`loaded.ts` does, at most one question at a time).
 *
 *     const stop = follow(() => reload());
 */
export const QUIET_MS = 15_000;

/** What a stream is to us; the browser's `EventSource` in pages, anything with the same three parts in tests. */
export interface Stream {
  addEventListener(type: string, heard: () => void): void;
  readonly readyState: number;
  close(): void;
}
const CLOSED = 2;

const listeners = new Set<() => void>();
let stream: Stream | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let openStream: (path: string) => Stream = (path) => new EventSource(path);

/** Hear every hint until the returned call. The stream opens with the first listener and closes with the last. */
export function follow(heard: () => void): () => void {
  listeners.add(heard);
  if (listeners.size === 1) start();
  return () => {
    listeners.delete(heard);
    if (listeners.size === 0) stop();
  };
}

/** Use another kind of stream from the next start on (tests). */
export function streamBy(open: (path: string) => Stream): void {
  openStream = open;
}

function start(): void {
  connect();
  rest();
  document.addEventListener("visibilitychange", whenShown);
  addEventListener("online", hint);
}

function stop(): void {
  clearTimeout(timer);
  stream?.close();
  stream = null;
  document.removeEventListener("visibilitychange", whenShown);
  removeEventListener("online", hint);
}

function connect(): void {
  stream?.close();
  stream = openStream("/api/live");
  stream.addEventListener("hello", hint); // something may have moved while the stream was away
  stream.addEventListener("moved", hint);
  stream.addEventListener("error", hint); // it ended or broke: whoever asks now learns at once whether the centre is there
}

function hint(): void {
  for (const heard of [...listeners]) heard();
  rest();
}

/** Wait for the next hint; after 15 s of silence ask anyway, and reopen a stream that was refused. */
function rest(): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (stream?.readyState === CLOSED) connect();
    hint();
  }, QUIET_MS);
}

function whenShown(): void {
  if (document.visibilityState === "visible") hint();
}
