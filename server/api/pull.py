"""What a device may follow, and pages of it spliced from stored bytes (SC, EX4, EX5).

Responsible for the reply to a pull: dense entries after each cursor, within the budget, without
decoding a single set. Refuses to know what the entries mean.

An entry is `[n, ruling, envelope or nil]`: the ruling as a byte string, the envelope embedded as
the MessagePack array it is. `from` is the first place listed and `to` the last; a page without
entries has `to` = `from` - 1 and the head at `to`, so that a client whose head differs notices.

Example: a cursor `("org", 1, 40)` on a scope of 42 entries gives `from` 41, `to` 42, `n` 42.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.api.months import Months
from server.store import log, scopes, sets, snapshots
from server.store.devices import Device
from server.store.people import Directory
from sync import exchange
from sync.rulings import SCOPE_HEAD_ZERO, leaf_hash

# A device that changed its chain more often follows the newest of them.
CHAINS_FOLLOWED = 8
_OF_CHAIN = re.compile(r"device:([0-9a-f]{32})")


def _station(device: Device, directory: Directory) -> bytes | None:
    if device.station is not None:
        return device.station
    person = directory.person(device.person) if device.person else None
    return person.station if person else None


def _own(device: Device, directory: Directory) -> list[str]:
    """Scopes of the device's chain and of those it continues: answers to what was written there still come (FK6)."""
    names, chain = [f"device:{device.chain.hex()}"], device.continues
    while chain is not None and len(names) < CHAINS_FOLLOWED:
        names.append(f"device:{chain.hex()}")
        before = directory.row("devices", chain)
        chain = before.get("continues") if before is not None else None
    return names


def followed(
    connection: Connection, device: Device, directory: Directory, months: Months, now_ms: int
) -> list[scopes.Scope]:
    """The scopes a device is told to follow."""
    names = ["org", *_own(device, directory)]
    if device.station is not None:
        names += _mirrored(connection, device.station, directory, months, now_ms)
    elif station := _station(device, directory):
        names += months.of(connection, station, now_ms)
    found = scopes.by_name(connection, names)
    return [found.get(name) or scopes.unborn(connection, name) for name in names]


def _mirrored(
    connection: Connection, station: bytes, directory: Directory, months: Months, now_ms: int
) -> list[str]:
    """What a station keeps at hand for its township: every month it ever had, and what its people are answered."""
    names = months.of(connection, station, now_ms)
    names += scopes.beginning(connection, f"station:{station.hex()}:")
    for chain, row in directory.of("devices").items():
        if row.get("person") and directory.station_of("person", row["person"]) == station:
            names.append(f"device:{chain.hex()}")
    return list(dict.fromkeys(names))


def may_follow(device: Device, directory: Directory) -> Callable[[str], bool]:
    """Whether a device may pull a scope: its own, the organisation's, any month of its station, those of its person's
    other chains. A station may pull those of all devices, because people roam and ask for their answers there (HB2).

    Older months are allowed so that a phone that was away for long finds the end of what it knew; other
    chains, because a phone that was enrolled anew still holds what it wrote on them (FK6).
    """
    own = {"org", *_own(device, directory)}
    station = _station(device, directory)
    prefix = f"station:{station.hex()}:" if station else None

    def may(name: str) -> bool:
        if name in own or (prefix is not None and name.startswith(prefix)):
            return True
        chain = _OF_CHAIN.fullmatch(name)
        if chain is not None and device.station is not None:
            return True
        row = directory.row("devices", bytes.fromhex(chain[1])) if chain else None
        return row is not None and device.person is not None and row.get("person") == device.person

    return may


def answer(
    connection: Connection,
    cursors: list[tuple[str, int, int]],
    budget: int,
    now_ms: int,
    behind: int,
) -> exchange.PullReply:
    """Pages for the cursors in the order asked, as far as the budget goes; who is `behind` a
    snapshot by so many entries is offered it instead (SN3).
    """
    left = min(budget, exchange.PULL_BUDGET_BYTES_MAX)
    size = log.read(connection).idx
    newest = sets.ruling(connection, size)
    leaf = bytes(16) if newest is None else leaf_hash(newest)[:16]
    found = scopes.by_name(connection, [name for name, _epoch, _n in cursors])
    pages: list[exchange.ScopePage] = []
    complete = True
    for name, epoch, n in cursors:
        scope = found.get(name) or scopes.unborn(connection, name)
        after = n if epoch == scope.epoch else 0
        page, used = _offered(connection, scope, after, behind), 0
        if page is None:
            page, used = _page(connection, scope, after, left)
        left -= used
        complete = complete and page.to >= scope.n
        pages.append(page)
    return exchange.PullReply(size=size, leaf=leaf, now_ms=now_ms, scopes=pages, complete=complete)


def _offered(
    connection: Connection, scope: scopes.Scope, after: int, behind: int
) -> exchange.ScopePage | None:
    """A page that offers a snapshot, when there is one far enough ahead."""
    if scope.n - after < behind:
        return None
    kept = snapshots.newest(connection, [scope.id]).get(scope.id)
    if kept is None or kept.epoch != scope.epoch or kept.n - after < behind:
        return None
    return exchange.ScopePage(
        scope=scope.name,
        epoch=scope.epoch,
        from_=after + 1,
        to=after,
        n=scope.n,
        head=scopes.head_at(connection, scope.id, after) or SCOPE_HEAD_ZERO,
        entries=[],
        snapshot=exchange.Offer(kept.hash, kept.n, kept.size),
    )


def _page(
    connection: Connection, scope: scopes.Scope, after: int, budget: int
) -> tuple[exchange.ScopePage, int]:
    entries = scopes.page(connection, scope.id, after, budget) if after < scope.n else []
    to = entries[-1].n if entries else min(after, scope.n)
    if entries:
        head = entries[-1].head
    elif to == scope.n:
        head = scope.head
    else:
        head = scopes.head_at(connection, scope.id, to) or SCOPE_HEAD_ZERO
    # The encoder writes the stored bytes where they belong; nothing is decoded or joined here.
    spliced: list[Any] = [
        (n, ruling, None if envelope is None else msgspec.Raw(envelope))
        for n, ruling, envelope, _head in entries
    ]
    page = exchange.ScopePage(
        scope=scope.name,
        epoch=scope.epoch,
        from_=after + 1,
        to=to,
        n=scope.n,
        head=head,
        entries=spliced,
    )
    used = sum(len(ruling) + len(envelope or b"") for _n, ruling, envelope, _head in entries)
    return page, used
