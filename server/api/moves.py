"""What a desk does with an incident: the moves as JSON, and each as the ops it means.

Pure: a move, the incident's view and sixteen bytes of chance go in, ops come out (SPEC IN). Who may make which move is
judged by the rules of AU; nothing here writes or reads anything.

>>> ops_of(Note(text="邻居也报了"), {"round": 0}, bytes(16))
[{'t': 'entry.add', 'kind': 'note', 'text': '邻居也报了'}]
>>> ops_of(Withdraw(why="撤警"), {"round": 1}, bytes(16))
[{'t': 'incident.withdraw', 'why': '撤警'}]
"""

from typing import Annotated, Any, Final, Literal

import msgspec

from server.api.callmoves import Callback, LadderMove, Rectify, WithdrawCall, ladder_ops
from server.api.ids import Hex32, Ms
from server.api.movebase import BaseMove, Code, Op, OpHex, Ops, Text, Why, id_of, op
from server.api.reviewmoves import ReviewMove, review_ops
from server.api.verdicts import Override, override_ops
from server.intake import contested
from server.problems import ProblemError
from sync.incident.ladder import standing
from sync.incident.policy import PolicyBook

Target = tuple[Literal["unit", "person", "vehicle"], Hex32]
OrderKind = Literal["dispatch", "backup", "advisory"]


class IssueOrder(BaseMove, frozen=True, tag="issue_order"):
    """Send an order to a unit, person or vehicle. ``at`` is when it was given by voice, now if left out."""

    to: Target
    kind: OrderKind = "dispatch"
    at: Ms | None = None


class WithdrawOrder(BaseMove, frozen=True, tag="withdraw_order"):
    """Take an order back."""

    order: Hex32
    why: Why


class Reassign(BaseMove, frozen=True, tag="reassign"):
    """Give an order to another instead."""

    order: Hex32
    to: Target
    why: Why | None = None


class ReviewReturn(BaseMove, frozen=True, tag="review_return"):
    """Answer a request to return an order."""

    order: Hex32
    ok: bool
    why: Why | None = None


class Transfer(BaseMove, frozen=True, tag="transfer"):
    """Hand the incident to another station."""

    station: Hex32
    why: Why


class Link(BaseMove, frozen=True, tag="link"):
    """Say that this incident is a duplicate call of another."""

    to: Hex32


class Unlink(BaseMove, frozen=True, tag="unlink"):
    """Undo a link."""

    op: OpHex


class Withdraw(BaseMove, frozen=True, tag="withdraw"):
    """The caller withdraws."""

    why: Why


class Close(BaseMove, frozen=True, tag="close"):
    """Close the current round."""

    result: Code | None = None


class Reopen(BaseMove, frozen=True, tag="reopen"):
    """Begin a new round."""

    why: Why


class Proxy(BaseMove, frozen=True, tag="proxy"):
    """Enter a step for someone who said it by radio or phone. ``at`` is when it happened, now if left out."""

    kind: Literal["signed", "departed", "arrived", "cleared", "feedback"]
    said_by: Hex32
    via: Literal["radio", "phone"]
    order: Hex32 | None = None
    at: Ms | None = None
    final: bool | None = None
    result: Code | None = None
    text: Text | None = None


class WithdrawClaim(BaseMove, frozen=True, tag="withdraw_claim"):
    """Take back a step that one entered oneself."""

    claim: OpHex
    why: Why


class Note(BaseMove, frozen=True, tag="note"):
    """Add a note."""

    text: Text


class Nudge(BaseMove, frozen=True, tag="nudge"):
    """Urge someone, by a call or a message, and leave a trace of it: whom, where that is known, and whether anybody
    was ``reached`` (null: nobody can say)."""

    channel: Literal["radio", "phone", "message"]
    order: Hex32 | None = None
    to: Target | None = None
    reached: bool | None = None
    text: Text | None = None


class Correct(BaseMove, frozen=True, tag="correct"):
    """Put a correction beside an entry."""

    entry: OpHex
    text: Text


class SetFact(BaseMove, frozen=True, tag="set_fact"):
    """Set a fact, replacing the values named in ``preds``; values not named stay beside it."""

    f: Code
    v: str | int | bool | list[int]
    preds: Annotated[list[OpHex], msgspec.Meta(max_length=100)] = msgspec.field(
        default_factory=list
    )


class Resolve(BaseMove, frozen=True, tag="resolve"):
    """Rule between several values of a fact: ``v`` takes the place of all that were shown, named in ``preds``. Refused
    when another has come meanwhile, so that nobody overrules what they have not seen. ``why`` stands beside it as a
    note."""

    f: Code
    v: str | int | bool | list[int]
    preds: Ops
    why: Why | None = None


class KeepBoth(BaseMove, frozen=True, tag="keep_both"):
    """Rule that statements stand beside each other: what is ``about`` waits for nobody until somebody says more."""

    about: Ops
    why: Why


class AskAbout(BaseMove, frozen=True, tag="ask_about"):
    """Ask the people who made statements for more. They read it in the incident and answer with a note there."""

    about: Ops
    text: Why


class Dispute(BaseMove, frozen=True, tag="dispute"):
    """Rule that a claim does not stand."""

    claim: OpHex
    why: Why


Move = (
    IssueOrder
    | WithdrawOrder
    | Reassign
    | ReviewReturn
    | Transfer
    | Link
    | Unlink
    | Withdraw
    | Close
    | Reopen
    | Proxy
    | WithdrawClaim
    | Note
    | Nudge
    | Correct
    | SetFact
    | Resolve
    | KeepBoth
    | AskAbout
    | Dispute
    | LadderMove
    | Override
    | ReviewMove
)

NO_POLICIES: Final = PolicyBook()
CALLBACK_MOVES: Final = (Callback, WithdrawCall, Rectify, Note, Nudge, Correct, WithdrawClaim)
"""What the callback desk does; everything else it would be refused anyway, here it hears so at once."""


def _order(text: str, view: dict[str, Any]) -> bytes:
    """The id of an order of this incident. Raises ``ProblemError("unknown_order")``."""
    order = id_of(text)
    if all(known["id"] != order for known in view.get("orders", [])):
        raise ProblemError("unknown_order", detail=f"This incident has no order {text}.")
    return order


def _target(target: tuple[str, str]) -> list[Any]:
    kind, target_id = target
    return [kind, id_of(target_id)]


def ops_of(
    move: Move, view: dict[str, Any], chance: bytes, book: PolicyBook = NO_POLICIES
) -> list[Op]:
    """The ops a move means on an incident as it stands; ``chance`` is the id of an order it creates, ``book`` holds the
    policies.

    Raises ``ProblemError``: ``unknown_order``, ``not_ready`` when the incident already is where the move leads,
    ``ladder_open`` when it may not be closed (CK7), or ``bad_move``.
    """
    if isinstance(move, LadderMove):
        return ladder_ops(move, view)
    if isinstance(move, Override):
        return override_ops(move, view)
    if isinstance(move, ReviewMove):
        return review_ops(move, view)
    if isinstance(move, Close) and standing(view, book).step is not None:
        raise ProblemError("ladder_open")
    return _dispatched(move, view, chance)


def _nudge(move: Nudge, view: dict[str, Any]) -> Op:
    data: dict[str, Any] = {"channel": move.channel, "reached": move.reached}
    if move.order is not None:
        data["order"] = _order(move.order, view)
    if move.to is not None:
        data["to"] = _target(move.to)
    return op("entry.add", kind="nudge", text=move.text or "", data=data)


def _dispatched(move: Move, view: dict[str, Any], chance: bytes) -> list[Op]:
    """The moves of those who order."""
    round_ = view["round"]
    match move:
        case IssueOrder():
            issue = op("order.issue", order=chance, to=_target(move.to), kind=move.kind)
            return [issue | op("order.issue", round=round_, at=move.at)]
        case WithdrawOrder():
            return [op("order.withdraw", order=_order(move.order, view), why=move.why)]
        case Reassign():
            order = _order(move.order, view)
            return [
                op("order.reassign", order=order, new=chance, to=_target(move.to), why=move.why)
            ]
        case ReviewReturn():
            return [
                op("order.return_review", order=_order(move.order, view), ok=move.ok, why=move.why)
            ]
        case Proxy():
            return [_proxy(move, view)]
        case Nudge():
            return [_nudge(move, view)]
        case Resolve():
            return _resolved(move, view)
        case KeepBoth():
            return [_remark(move.why, contested.KEEPS, move.about)]
        case AskAbout():
            return [_remark(move.text, contested.ASKS, move.about)]
        case _:
            return [_plain(move, view)]


def _plain(move: Move, view: dict[str, Any]) -> Op:
    """The moves that need no order and no chance."""
    round_ = view["round"]
    match move:
        case Transfer():
            return op("incident.transfer", station=id_of(move.station), why=move.why)
        case Link():
            return op("incident.link", to=id_of(move.to), kind="duplicate_call")
        case Unlink():
            return op("incident.unlink", p=[id_of(move.op)])
        case Withdraw():
            return op("incident.withdraw", why=move.why)
        case Close():
            return op("incident.close", round=round_, result=move.result)
        case Reopen():
            return op("incident.reopen", round=round_ + 1, why=move.why)
        case WithdrawClaim():
            return op("milestone.withdraw", claim=id_of(move.claim), why=move.why)
        case Note():
            return op("entry.add", kind="note", text=move.text)
        case Correct():
            return op("entry.correct", entry=id_of(move.entry), text=move.text)
        case SetFact():
            return op("fact.set", f=move.f, v=move.v, p=[id_of(op) for op in move.preds])
        case Dispute():
            return op("milestone.dispute", claim=id_of(move.claim), why=move.why)
        case _:
            raise AssertionError(f"no ops for {type(move).__name__}")


def _remark(text: str, what: str, about: list[str]) -> Op:
    """A note about statements of this incident, which `data` names."""
    return op("entry.add", kind="note", text=text, data={what: [id_of(op) for op in about]})


def _resolved(move: Resolve, view: dict[str, Any]) -> list[Op]:
    ops = [op("fact.set", f=move.f, v=move.v, p=_all_shown(move, view))]
    if move.why is not None:
        ops.append(_remark(move.why, contested.SETTLES, move.preds))
    return ops


def _all_shown(move: Resolve, view: dict[str, Any]) -> list[bytes]:
    """The live values of a fact, which must be those that were shown. Raises ``ProblemError("not_ready")``."""
    live = [value["op"] for value in view["fields"].get(move.f, [])]
    if {op.hex() for op in live} != set(move.preds):
        raise ProblemError("not_ready", detail="The values are not those that were shown.")
    return live


def _proxy(move: Proxy, view: dict[str, Any]) -> Op:
    data: dict[str, Any] | None = None
    if move.kind == "feedback":
        data = op("", final=bool(move.final), result=move.result, text=move.text)
        del data["t"]
    return op(
        "milestone.claim",
        kind=move.kind,
        round=view["round"],
        order=_order(move.order, view) if move.order is not None else None,
        via=move.via,
        by=id_of(move.said_by),
        at=move.at,
        data=data,
    )
