// @vitest-environment happy-dom
// @vitest-environment-options {"settings":{"navigation":{"disableMainFrameNavigation":true,"disableChildFrameNavigation":true,"disableChildPageNavigation":true}}}
import fc from "fast-check";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { go, href, type Place, parse, place, startRouter } from "./router";

const id = "6f".repeat(16);
const PLACES: Place[] = [
  { name: "home" },
  { name: "login" },
  { name: "enrol" },
  { name: "wall" },
  { name: "dispatch" },
  { name: "callback" },
  { name: "reviews" },
  { name: "overdue" },
  { name: "devices" },
  { name: "components" },
  { name: "timeline", id },
];

beforeAll(() => startRouter());
beforeEach(() => {
  document.body.replaceChildren();
  go({ name: "home" }, { replace: true });
});

function click(attributes: string, init: MouseEventInit = {}): MouseEvent {
  document.body.innerHTML = `<a ${attributes}><b>x</b></a>`;
  const event = new MouseEvent("click", { bubbles: true, cancelable: true, ...init });
  document.querySelector("b")?.dispatchEvent(event);
  return event;
}

it("every place has an address that leads back to it", () => {
  for (const to of PLACES) expect(parse(href(to))).toEqual(to);
  expect(parse("/desk/wall/")).toEqual({ name: "wall" });
});

it("any other address is unknown, and never throws", () => {
  for (const path of [
    "/desk",
    "/desk/timeline",
    "/desk/timeline/xyz",
    `/desk/timeline/${id}/x`,
    "/constructor",
    "/api/docs",
  ])
    expect(parse(path)).toEqual({ name: "unknown" });
  fc.assert(fc.property(fc.webPath(), (path) => typeof parse(path).name === "string"));
});

it("a click on a link moves inside the page", () => {
  expect(click('href="/desk/wall"').defaultPrevented).toBe(true);
  expect(place.value).toEqual({ name: "wall" });
  expect(location.pathname).toBe("/desk/wall");
});

it("leaves to the browser what is the browser's: new tabs, files, the API, other hosts", () => {
  for (const [attributes, init] of [
    ['href="/desk/wall"', { ctrlKey: true }],
    ['href="/desk/wall"', { button: 1 }],
    ['href="/desk/wall" target="_blank"', {}],
    ['href="/desk/wall" download', {}],
    ['href="/api/docs"', {}],
    ['href="/enrol?code=7K4Q"', {}],
  ] as const) {
    expect(click(attributes, init).defaultPrevented).toBe(false);
    expect(place.value).toEqual({ name: "home" });
  }
});

it("follows the back button", () => {
  go({ name: "wall" });
  go({ name: "timeline", id });
  history.replaceState(null, "", "/desk/wall");
  dispatchEvent(new PopStateEvent("popstate"));
  expect(place.value).toEqual({ name: "wall" });
});
