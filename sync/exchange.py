"""The messages of the exchange as typed structs (SPEC EX).

Responsible for the shapes that devices and the centre send each other and for their limits. It opens no connection and
decides nothing.

>>> decode(TimeRequest, encode(TimeRequest(t1=5)))
TimeRequest(t1=5)
"""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from sync.changeset import SET_BYTES_MAX, Bin8, Bin16, Int, Natural

CONTENT_TYPE: Final = "application/msgpack"
VERSION: Final = 1
"""The one version of the exchange that is spoken here (EX10)."""
BATCH_BYTES_MAX: Final = 1_048_576
BATCH_SETS_MAX: Final = 200
BODY_BYTES_MAX: Final = 8_388_608
"""Cap on a request or reply body after decompression."""
PULL_BUDGET_BYTES_MAX: Final = 4_194_304
CURSORS_MAX: Final = 256
EVENTS_LIFETIME_S: Final = 300
EVENTS_HEARTBEAT_S: Final = 15

STATION: Final = "station"
"""What `role` says of a server between phones and the centre (HB)."""
STORED: Final = "stored"
DUPLICATE: Final = "duplicate"
FORK: Final = "fork"
HELD: Final = "held"
REJECTED: Final = "rejected"
OPAQUE: Final = "opaque"
BAD_SIGNATURE: Final = "bad_signature"
TOO_LARGE: Final = "too_large"
MALFORMED: Final = "malformed"
KEPT: Final = "kept"
"""At a station, and not yet at the centre: nothing is safe by it (HB4)."""
DURABLE: Final = frozenset({STORED, DUPLICATE, FORK, HELD, REJECTED, OPAQUE})
"""Results that mean the bytes are safe at the centre (EX2)."""
REFUSED: Final = frozenset({BAD_SIGNATURE, TOO_LARGE, MALFORMED})


class Spoken(Struct, frozen=True):
    """The version a hello speaks, whatever else it holds: read before the rest (EX10)."""

    v: Int


class HelloRequest(Struct, frozen=True):
    """First call of every sync: who I am, where my chain stands, what I still hold (EX).

    `head` is the own last seq, -1 for none; `pending` sets wait, the oldest since `oldest_ms`; `mono` is a session of
    8 bytes and ms since it began; `token` the one that the last hello was given (FK3). `wiping`: it is about to delete
    what it holds, and how many sets go with it that are not at the centre (EX12). `storage`: how much of what it may
    store is used, in percent (EX13). `contradicted`: so many sets were called safe that the centre had not got (EX14).
    """

    v: int
    app: str
    chain: Bin16
    head: Int
    pending: Natural
    oldest_ms: Int | None
    wall_ms: Int
    mono: tuple[Bin8, Int]
    request_id: Bin16
    token: Bin16 | None = None
    wiping: Natural | None = None
    storage: Natural | None = None
    contradicted: Natural | None = None


class LogState(Struct, frozen=True, omit_defaults=True):
    """Which rulings log this is and how many entries it has; `lost`: epochs that ended, and how many entries of each
    are in this one (TL12)."""

    origin: str
    epoch: Bin8
    size: Natural
    lost: list[tuple[Bin8, Natural]] = []


class Limits(Struct, frozen=True):
    """What one push may carry: bytes per set, bytes and sets per batch."""

    set_bytes: int = SET_BYTES_MAX
    batch_bytes: int = BATCH_BYTES_MAX
    batch_sets: int = BATCH_SETS_MAX


class HelloReply(Struct, frozen=True):
    """`have` is the contiguous seq the server holds of this chain, -1 for none; `scopes`: `(name, epoch, newest n)`.

    `token` is to be shown at the next hello (FK3); `rotate` says why this chain may get no more sets (FK4).
    `request_id` and `wall_ms` are those of the hello it answers (EX11); `beacon` goes into what is signed next (TM12).
    `station` is the row of the organisation that a station stands for (HB5).
    """

    request_id: Bin16
    wall_ms: Int
    role: str
    server: Bin16
    now_ms: int
    uncertainty_ms: int
    log: LogState
    have: Int
    person: Bin16
    scopes: list[tuple[str, int, int]]
    limits: Limits
    retry_after_ms: int | None
    token: Bin16 | None = None
    rotate: str | None = None
    beacon: Bin16 | None = None
    station: Bin16 | None = None


class RotateRequest(Struct, frozen=True):
    """The first set of the chain that is to take the place of the sender's (FK5)."""

    set: Raw


class RotateReply(Struct, frozen=True):
    """The bearer token of the new chain, and which chain that is (EX11)."""

    chain: Bin16
    token: str


class PushRequest(Struct, frozen=True):
    """Envelopes as raw slices, so that each is kept as the bytes received; no more than may come are cut apart."""

    sets: Annotated[list[Raw], Meta(max_length=BATCH_SETS_MAX)]


class PushResult(Struct, frozen=True, omit_defaults=True):
    """What became of one set: `r` is the result, `why` its code, `idx`/`at_ms`/`d`/`no` come from its ruling."""

    r: str
    id: bytes | None = None
    why: str | None = None
    idx: int | None = None
    at_ms: int | None = None
    d: str | None = None
    no: str | None = None


class PushReply(Struct, frozen=True, omit_defaults=True):
    """One result per set, in order, and the contiguous seq of the pushing device's chain. `server`: the station that
    keeps what it answers with `kept` (HB4). `rulings`: to a station, those that stand on what it pushed (HB7)."""

    results: list[PushResult]
    have: Int
    server: Bin16 | None = None
    rulings: list[bytes] = []


class PullRequest(Struct, frozen=True):
    """Where the client stands in each scope, `(name, epoch, n)`, and how many bytes it wants at most.

    `signed` is the size of the highest checkpoint it checked, 0 for none; None: it does not ask for another (TL9).
    """

    cursors: Annotated[list[tuple[str, int, Natural]], Meta(max_length=CURSORS_MAX)]
    budget: Natural
    signed: Natural | None = None


class Offer(Struct, frozen=True):
    """A snapshot of a scope at `n`, to be fetched under its hash: `size` bytes of gzip (SN3)."""

    hash: bytes
    n: int
    size: int


class ScopePage(Struct, frozen=True, omit_defaults=True, rename={"from_": "from"}):
    """Dense entries `from_`..`to` of one scope, each `[n, ruling, envelope or nil]`; `head` is the head at `to`.

    With a `snapshot` there are no entries: the client begins again with it (SN3).
    """

    scope: str
    epoch: int
    from_: int
    to: int
    n: int
    head: Bin16
    entries: list[Raw]
    snapshot: Offer | None = None


class GivenCheckpoint(Struct, frozen=True):
    """The newest signed checkpoint, and what shows that it grew out of the one the client has (TL9)."""

    note: str
    proof: list[bytes]


class PullReply(Struct, frozen=True):
    """`complete` when every asked scope was served to its newest entry. `size` is the newest ruling of the whole log,
    `leaf` the first 16 bytes of its leaf hash (zeros for none): what a set written from now on names as seen.
    `beacon` as in a hello's reply; `server`: the station that answers (HB4)."""

    size: int
    leaf: Bin16
    now_ms: int
    scopes: list[ScopePage]
    complete: bool
    checkpoint: GivenCheckpoint | None = None
    beacon: Bin16 | None = None
    server: Bin16 | None = None


class TimeRequest(Struct, frozen=True):
    """The device's own time when it asked, in ms."""

    t1: Int


class TimeReply(Struct, frozen=True):
    """Four-timestamp exchange: `t2` received, `t3` answered, both by the server's clock. Source: RFC 5905 section 8."""

    t1: int
    t2: int
    t3: int
    uncertainty_ms: int


class Moved(Struct, frozen=True):
    """A hint that a scope has entries up to `n`; sent as JSON in the event stream."""

    scope: str
    n: int


Message = TypeVar("Message")
_ENCODER: Final = msgspec.msgpack.Encoder()


def encode(message: object) -> bytes:
    """The MessagePack bytes of a message. Messages are not signed, so they need not be canonical."""
    return _ENCODER.encode(message)


def decode(kind: type[Message], data: bytes) -> Message:
    """The message of that kind. Raises `msgspec.MsgspecError` for anything else."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (UnicodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
