// @vitest-environment happy-dom
/** What the two halves of a transfer say where it cannot be done. */
import { flushPromises, mount } from "@vue/test-utils";
import { expect, test, vi } from "vitest";
import { CodeLoop, CodeReader } from "../../src/codes";
import { MOST_FRAMES, PIECE_BYTES } from "../../src/codes/frames";

test("what is too much for codes is sent to the file, and no code is shown", async () => {
  const loop = mount(CodeLoop, { props: { file: new Blob([new Uint8Array(MOST_FRAMES * PIECE_BYTES + 1)]) } });
  await vi.waitFor(() =>
    expect(loop.find('[role="alert"]').text()).toMatch(/亮码最多 32\.0 KB。请改用文件 \(too_much\)/),
  );
  expect(loop.find("canvas").exists()).toBe(false);
  loop.unmount();
});

test("how many codes there are is told from the first one on", async () => {
  const loop = mount(CodeLoop, { props: { file: new Blob([new Uint8Array(PIECE_BYTES * 11)]) } });
  await vi.waitFor(() => expect(loop.text()).toMatch(/第 \d+ \/ 11 张.*一轮 3 秒/));
  loop.unmount();
});

test("where a page may have no camera it says so, and what else there is", async () => {
  const reader = mount(CodeReader);
  await flushPromises();
  expect(reader.find('[role="alert"]').text()).toMatch(/https.*也可改用文件 \(camera_unreachable\)/);
  reader.unmount();
});

test("whoever closes it before the first code is drawn leaves nothing running", async () => {
  vi.useFakeTimers({ toFake: ["setInterval"] });
  const loop = mount(CodeLoop, { props: { file: new Blob([new Uint8Array(PIECE_BYTES)]) } });
  loop.unmount();
  await new Promise((done) => setTimeout(done, 60));
  const running = vi.getTimerCount();
  vi.useRealTimers();
  expect(running).toBe(0);
});
