"""What a replay found: a table to read, JSON to keep, and whether it holds.

Responsible for the figures' names, for the digest and for the verdict. Refuses to know how they
were come by.

A replay holds when every set made was acknowledged, none is missing at the server, and the intervals
read back from the timelines equal those of the file. With wrong clocks the timelines tell what wrong clocks said; then
it is the verdicts that must not contradict the file.

The digest is SHA-256 over the incidents in order of their source number: status, round, set ids
of the devices, field values, orders, claims, feedback, entries, closings, reopenings. Received times,
log indices, incident numbers and the desk's own set ids are left out: the desk notes in each set how much
of the log it had seen, which depends on what had arrived. So links and arrival order do not matter.

Example: `ortoo replay calls.csv.gz --format alexandria --report r.json` writes one such report.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from server.fleet.replay.calls import SourceProblem
from server.fleet.replay.intervals import Interval, Measured
from server.fleet.replay.townships import Relayed
from server.fleet.replay.verdicts import Verdicts
from sync import canon

SHOWN = 5  # unreadable cells and differing incidents in the table; the JSON has more

DEFINITIONS: Mapping[str, str] = {
    "signing": "first dispatch to first acknowledgement, calls with both",
    "arrival": "first dispatch to first unit's arrival, calls with both",
    "percentiles": "linear interpolation between ranks",
    "within": "share at or below the limit, of n",
    "sets_lost": "sets in a device's vault that the server's log, pulled again, does not have",
    "duplicates": "sets sent again because the reply to the first sending was lost",
    "verdicts": "findings of the clocks of orders, held against the file's own milliseconds and the same limits",
    "misread": "clocks of which the phones' wall clocks alone would tell the opposite of the file",
    "relayed": "sets of devices that talk to a station: from writing to receipt, there and at the centre",
    "outages": "distinct outages that cost a device an exchange",
}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One replay. Times in seconds."""

    format: str
    file: str
    devices: int
    seed: str
    links: str
    server: str  # empty: one of its own, in virtual time
    incidents: int
    orders: int
    sets_made: int
    sets_acked: int
    sets_refused: int
    sets_lost: int
    duplicates: int
    outages: int
    cut_requests: int
    cut_replies: int
    gaps: int  # milestones missing below the greatest one reached, over all incidents
    late_entries: int  # timeline entries received more than a minute after they happened
    reopened: int  # incidents with a second round
    disagreements: list[str]  # incidents whose record at the server differs from the file
    repeated_numbers: int
    doubled_hour: int  # calls with a time in the hour that the clocks ran through twice
    unreadable_cells: int
    unreadable: list[SourceProblem]
    signing: Measured | None
    arrival: Measured
    verdicts: Verdicts | None = None  # with wrong clocks
    relayed: Relayed | None = None  # with stations
    digest: str
    wall_s: float
    cpu_s: float

    @property
    def faults(self) -> list[str]:
        """Why the replay does not hold; empty when it does."""
        found = []
        if self.sets_acked != self.sets_made:
            found.append(f"{self.sets_made - self.sets_acked} sets were not acknowledged")
        if self.sets_lost:
            found.append(f"{self.sets_lost} sets are missing at the server")
        if self.verdicts is None:
            if self.signing is not None and not self.signing.agree:
                found.append("signing: the timelines do not agree with the file")
            if not self.arrival.agree:
                found.append("arrival: the timelines do not agree with the file")
        else:
            found += self.verdicts.faults
        if self.relayed is not None and self.relayed.left:
            found.append(f"{self.relayed.left} sets are still owed by a station")
        if self.disagreements:
            found.append(f"{len(self.disagreements)} incidents differ from the file")
        return found

    def json(self) -> bytes:
        """The report as JSON, with its verdict."""
        said = msgspec.to_builtins(self) | {
            "ok": not self.faults,
            "faults": self.faults,
            "definitions": DEFINITIONS,
        }
        return msgspec.json.format(msgspec.json.encode(said), indent=2) + b"\n"

    def table(self) -> str:
        """The report for people."""
        rows = [
            (
                "calls",
                f"{self.incidents} incidents, {self.orders} orders, {self.reopened} reopened",
            ),
            ("devices", f"{self.devices} over {self.links}"),
            ("sets", f"{self.sets_made} made, {self.sets_acked} acked, {self.sets_lost} lost"),
            ("outages", f"{self.outages} met, {self.cut_requests} requests cut"),
            ("replies", f"{self.cut_replies} cut, {self.duplicates} sets sent twice"),
            ("disorder", f"{self.gaps} gaps, {self.late_entries} late entries"),
            ("numbers", f"{self.repeated_numbers} repeated in the file"),
            ("times", f"{self.doubled_hour} calls in a doubled hour"),
            ("cells", f"{self.unreadable_cells} unreadable"),
            *(
                ("", f"line {one.line}, {one.column or 'the row'}: {one.reason}")
                for one in self.unreadable[:SHOWN]
            ),
            *self._interval_rows(),
            *(() if self.verdicts is None else self.verdicts.rows()),
            *(() if self.relayed is None else self.relayed.rows()),
            ("digest", self.digest),
            ("cost", f"{self.wall_s:.1f} s, {self.cpu_s:.1f} s of CPU"),
            ("result", "holds" if not self.faults else "; ".join(self.faults)),
            *(("", one) for one in self.disagreements[:SHOWN]),
        ]
        width = max(len(name) for name, _ in rows)
        # What a file says must not steer the terminal.
        return "\n".join(f"{name.ljust(width)}  {repr(said)[1:-1]}" for name, said in rows)

    def _interval_rows(self) -> list[tuple[str, str]]:
        rows = []
        for name, measured in (("signing", self.signing), ("arrival", self.arrival)):
            if measured is None:
                rows.append((name, "not in this source"))
                continue
            rows.append((f"{name} (file)", _words(measured.source)))
            whose = "ortoo" if self.verdicts is None else "phones"
            rows.append((f"{name} ({whose})", _words(measured.ortoo)))
        return rows


def _words(interval: Interval) -> str:
    if interval.n == 0:
        return "n 0"
    shares = ", ".join(
        f"{name.replace('_', ' ')} {share:.1%}"
        for name, share in interval.within.items()
        if share is not None
    )
    return f"n {interval.n}, p50 {interval.p50_s} s, p90 {interval.p90_s} s; within {shares}"


def digest(incidents: Iterable[tuple[str, Mapping[str, Any], Iterable[str]]]) -> str:
    """Of (source number, view as JSON, ids of the device sets on it), as 64 hex digits."""
    whole = hashlib.sha256(b"ortoo/replay/1\x00")
    for source_no, view, sets in sorted(incidents, key=lambda one: one[0]):
        whole.update(canon.encode([source_no, _said(view), sorted(sets)]))
    return whole.hexdigest()


def _said(view: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a view that follow from what was recorded, whatever came first."""
    created, withdrawn = view["created"], view["withdrawn"]
    return {
        "status": view["status"],
        "round": view["round"],
        "created": [created[part] for part in ("source", "station", "tag", "exercise")],
        "station": view["station"],
        "withdrawn": None if withdrawn is None else withdrawn["why"],
        "gaps": sorted(view["gaps"]),
        "fields": {
            name: sorted(canon.encode(value["v"]).hex() for value in values)
            for name, values in view["fields"].items()
        },
        "latest": view["latest"],
        "tags": {name: [one["v"] for one in members] for name, members in view["sets"].items()},
        "orders": _rows(view["orders"], "id", "to", "kind", "round", "status", "gaps"),
        "claims": _rows(
            view["claims"], "op", "kind", "round", "order", "at", "by", "via", "standing"
        ),
        "feedback": _rows(view["feedback"], "op", "at", "final", "result", "text"),
        "entries": _rows(view["entries"], "op", "at", "kind", "text", "data"),
        "closes": _rows(view["closes"], "round", "result"),
        "reopens": _rows(view["reopens"], "round", "why"),
    }


def _rows(found: Iterable[Mapping[str, Any]], *parts: str) -> list[str]:
    """Those parts of each, in an order that is the same whatever came first."""
    return sorted(canon.encode([one[part] for part in parts]).hex() for one in found)
