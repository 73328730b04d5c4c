/**
 * The camera of this machine and what it sees, as square pictures for whoever reads codes.
 *
 * Responsible for asking for it, for saying why it cannot be had, and for giving it back. Refuses to know codes.
 *
 *     const camera = await openCamera(video);               // throws CameraTrouble
 *     camera.watch((picture) => …, () => …);                // each new picture; and when it stopped by itself
 *     camera.close();
 */

/** Why there are no pictures: not allowed, none there, another program has it, this page may have none, it stopped. */
export type TroubleCode = "camera_refused" | "camera_missing" | "camera_busy" | "camera_unreachable" | "camera_lost";

const TROUBLES: Record<string, TroubleCode> = {
  NotAllowedError: "camera_refused",
  SecurityError: "camera_refused",
  NotFoundError: "camera_missing",
  OverconstrainedError: "camera_missing",
};

/** What it means that a camera was not opened. */
export const troubleOf = (error: unknown): TroubleCode =>
  TROUBLES[error instanceof DOMException ? error.name : ""] ?? "camera_busy";

export class CameraTrouble extends Error {
  override name = "CameraTrouble";
  readonly code: TroubleCode;
  constructor(code: TroubleCode) {
    super(code);
    this.code = code;
  }
}

/** More pixels than this on a side make no code more readable, and cost an old phone its speed. */
const SIDE_MAX = 720;

/** Show in `video` what the camera at the back sees, or whichever there is. Throws `CameraTrouble`. */
export async function openCamera(video: HTMLVideoElement): Promise<Camera> {
  // Browsers give none to a page that came over plain http.
  if (!navigator.mediaDevices?.getUserMedia) throw new CameraTrouble("camera_unreachable");
  let stream: MediaStream;
  try {
    const wished = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } };
    stream = await navigator.mediaDevices.getUserMedia({ video: wished, audio: false });
  } catch (error) {
    throw new CameraTrouble(troubleOf(error));
  }
  video.srcObject = stream;
  await video.play().catch(() => undefined); // taken away again before it began
  return new Camera(video, stream);
}

export class Camera {
  readonly #video: HTMLVideoElement;
  readonly #track: MediaStreamTrack | undefined;
  readonly #canvas = document.createElement("canvas");
  #next = 0;

  constructor(video: HTMLVideoElement, stream: MediaStream) {
    this.#video = video;
    this.#track = stream.getVideoTracks()[0];
  }

  /** Whether it looks at whoever holds it: then people find their way in a mirror. */
  get looksBack(): boolean {
    return this.#track?.getSettings().facingMode !== "environment";
  }

  /** Each new picture, every other one turned by a quarter: a tilted code that is missed the one way is found the other. */
  watch(see: (picture: ImageData) => void, lost: () => void): void {
    this.#track?.addEventListener("ended", lost);
    const pen = this.#canvas.getContext("2d", { willReadFrequently: true });
    let seenAt = -1;
    let turned = false;
    const look = (): void => {
      this.#next = requestAnimationFrame(look);
      if (this.#video.paused) void this.#video.play().catch(() => undefined); // some phones pause it while the page is hidden
      const { videoWidth: width, videoHeight: height, currentTime } = this.#video;
      const side = Math.min(width, height, SIDE_MAX);
      if (!pen || side === 0 || currentTime === seenAt) return;
      seenAt = currentTime;
      if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
      const cut = Math.min(width, height);
      if (turned) pen.setTransform(0, 1, -1, 0, side, 0);
      else pen.resetTransform();
      pen.drawImage(this.#video, (width - cut) / 2, (height - cut) / 2, cut, cut, 0, 0, side, side);
      turned = !turned;
      see(pen.getImageData(0, 0, side, side));
    };
    look();
  }

  /** No more pictures; the light beside the camera goes out. */
  close(): void {
    cancelAnimationFrame(this.#next);
    this.#track?.stop();
    this.#video.srcObject = null;
  }
}
