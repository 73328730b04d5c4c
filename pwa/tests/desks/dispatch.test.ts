import { describe, expect, it } from "vitest";
import { mayRecord, offers, orderOffers } from "../../src/desks/command/authority";
import { readClock } from "../../src/desks/command/dialogs/subject";
import { asked, begun, byDay, EMPTY, missing, request } from "../../src/desks/command/dispatch/model";
import { heardByPerson, speakers, targetName, targets } from "../../src/desks/command/targets";
import { at, id, NOW, order, org, summary, view } from "./fixtures";

describe("taking an incident down", () => {
  it("asks for what the centre would not take it without, and sends only what was given", () => {
    expect(missing(EMPTY)).toEqual(["title", "station"]);
    const draft = { ...EMPTY, title: " 草场纠纷 ", station: id("angsu"), callerPhone: " 13812342046 ", tier: 0 };
    expect(missing(draft)).toEqual([]);
    expect(request(draft, null)).toEqual({
      title: "草场纠纷",
      station: id("angsu"),
      caller_phone: "13812342046",
      tier: 0,
    });
    expect(request({ ...draft, exercise: true }, ["unit", id("u1")])).toMatchObject({
      exercise: true,
      order: { to: ["unit", id("u1")] },
    });
  });

  it("knows whether something typed would be lost; a chosen station alone is nothing", () => {
    expect([begun(EMPTY), begun({ ...EMPTY, station: id("angsu") }), begun({ ...EMPTY, narrative: "邻居说" })]).toEqual(
      [false, false, true],
    );
  });

  it("asks for lists in words, and divides them into Shanghai's days", () => {
    expect(asked(" 围栏 ", "all")).toBe("/api/incidents?limit=100&q=%E5%9B%B4%E6%A0%8F");
    expect(asked("", "open")).toBe("/api/incidents?limit=100&status=open");
    const days = byDay(
      [summary({ created_at: at("00:10:00") }), summary({ created_at: at("23:50:00", "2026-03-11") })],
      NOW,
    );
    expect(days.map(({ ago, incidents }) => [ago, incidents.length])).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });
});

describe("whom to send", () => {
  const heard = (person: string, ms: number, revoked: number | null = null) => ({
    person: id(person),
    last_contact_ms: ms,
    revoked_at: revoked,
  });
  const devices = [
    heard("suhe", NOW - 60_000),
    heard("suhe", NOW - 5_000),
    heard("baiyin", NOW - 720_000),
    heard("ma", NOW - 1_000, NOW),
  ];

  it("a person is heard by the newest of their devices, a unit and a vehicle by the newest of their crew; a suspended phone tells nothing", () => {
    expect(heardByPerson(devices).get(id("ma"))).toBeUndefined();
    const all = targets(org, devices, "", null);
    expect(all.map(({ name, heardMs }) => [name, heardMs && NOW - heardMs])).toEqual([
      ["昂素快反", 5_000],
      ["城川巡逻", null],
      ["苏和", 5_000],
      ["白音", 720_000],
      ["马永宁", null],
      ["蒙K 2 号车", 5_000],
    ]);
  });

  it("is found by name and station, and nobody at a desk is offered", () => {
    expect(targets(org, [], "城川 巡", null).map(({ name }) => name)).toEqual(["城川巡逻"]);
    expect(targets(org, [], "", id("chengchuan")).map(({ name }) => name)).toEqual(["城川巡逻", "马永宁"]);
    expect(targets(org, [], "娜日苏", null)).toEqual([]);
    const nearest = targets(org, devices, "", null, id("chengchuan"));
    expect(nearest.map(({ name }) => name).slice(0, 4)).toEqual(["城川巡逻", "昂素快反", "马永宁", "苏和"]);
  });

  it("who may have spoken over the radio: those of the order first, then the station, then the others", () => {
    expect(speakers(org, ["person", id("baiyin")], id("angsu")).map(({ name, near }) => [name, near])).toEqual([
      ["白音", true],
      ["苏和", false],
      ["马永宁", false],
    ]);
    expect(speakers(org, ["vehicle", id("car")], null).filter(({ near }) => near)).toHaveLength(2);
    expect(targetName(org, ["unit", id("u1")])).toBe("昂素快反");
  });

  it("a time of day said over the radio is the newest such moment that has been", () => {
    expect(readClock("", NOW)).toBeUndefined();
    expect(readClock("14:30", NOW)).toBe(at("14:30:00"));
    expect(readClock("14：30：05", NOW)).toBe(at("14:30:05"));
    expect(readClock("23:10", NOW)).toBe(at("23:10:00", "2026-03-11"));
    expect([readClock("25:00", NOW), readClock("14.30", NOW), readClock("half two", NOW)]).toEqual([null, null, null]);
  });
});

describe("what is offered to whom", () => {
  const dispatcher = { roles: ["dispatcher"], station: null };
  const own = { roles: ["station"], station: id("angsu") };
  it("commands go to dispatchers everywhere and to a station's desk at home", () => {
    expect(offers(dispatcher, view())).toEqual(["issue_order", "transfer", "link", "withdraw", "close"]);
    expect(offers(own, view())).toHaveLength(5);
    expect(offers({ ...own, station: id("chengchuan") }, view())).toEqual([]);
    expect(offers({ roles: ["callback"], station: null }, view())).toEqual([]);
    expect([offers(dispatcher, view({ status: "closed" })), offers(dispatcher, view({ status: "duplicate" }))]).toEqual(
      [["reopen"], ["unlink"]],
    );
  });
  it("facts are recorded by every seat but one that only calls back", () => {
    expect([
      mayRecord({ roles: ["callback"], station: null }),
      mayRecord({ roles: ["callback", "reviewer"], station: null }),
      mayRecord(dispatcher),
      mayRecord(null),
    ]).toEqual([false, true, true, false]);
  });
  it("a request to return an order is answered before the order is taken back", () => {
    const asks = order({ return_request: { op: "", by: id("suhe"), at: NOW, why: "车陷沙地" } });
    expect(orderOffers(dispatcher, view(), asks)).toEqual(["return_ok", "return_no", "reassign"]);
    expect(orderOffers(dispatcher, view(), order())).toEqual(["reassign", "withdraw_order"]);
    expect(orderOffers(dispatcher, view(), order({ open: false }))).toEqual([]);
  });
});
