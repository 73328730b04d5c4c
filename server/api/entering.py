"""From a desk through the intake's door: one set in a person's name, and what became of it.

Responsible for turning what the intake raises into refusals with a code. Refuses to decide anything itself; what an op
must look like and who may give a command is asked of the SPEC's rules beforehand, so that a slip of the hand leaves no
refused set in the log.

Example: ``result = await enter(intake, who, draft, stations)`` gives ``PushResult(r="stored", idx=4711, d="accepted",
...)``."""

from collections.abc import Awaitable, Collection
from typing import TypeVar

from server.auth.guards import SignedIn
from server.intake.desk import DraftError
from server.intake.door import Intake
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.problems import ProblemError
from sync.canon import CanonError
from sync.changeset import Draft
from sync.exchange import PushResult
from sync.incident import authority, shapes
from sync.rulings import COUNTED

T = TypeVar("T")


async def through(entering: Awaitable[T]) -> T:
    """Wait for the intake, with its refusals told as problems: ``queue_full``, ``stopping``, ``not_stored``,
    ``bad_move``.
    """
    try:
        return await entering
    except IntakeBusyError as error:
        raise ProblemError("queue_full", retry_after_s=error.retry_after_s) from error
    except IntakeClosedError as error:
        raise ProblemError(error.code, retry_after_s=error.retry_after_s) from error
    except (DraftError, CanonError) as error:
        raise ProblemError("bad_move", detail=f"This makes no valid record: {error}.") from error


def check(draft: Draft, who: SignedIn, stations: Collection[bytes]) -> None:
    """Refuse beforehand what the centre would reject: ``bad_move`` or ``not_allowed``. ``stations`` are the
    incident's.
    """
    for op in draft.ops:
        problem = shapes.problem(op)
        if problem is not None:
            raise ProblemError("bad_move", detail=f"{problem} is missing or has the wrong form.")
        command = authority.command_of(op, who.person.id)
        if command is not None and not authority.may(
            command,
            roles=who.person.roles,
            same_station=who.person.station is not None
            and who.person.station in authority.stations_asked(command, op, stations),
            own_self_report=False,
        ):
            raise ProblemError(
                "not_allowed", detail=f"The role of {who.person.name} may not give {command}."
            )


async def enter(
    intake: Intake, who: SignedIn, draft: Draft, stations: Collection[bytes]
) -> PushResult:
    """Write one set in a person's name. Raises ``ProblemError`` where it cannot be or was not accepted."""
    check(draft, who, stations)
    [result] = await through(intake.submit_desk(who.person.id, [draft]))
    if result.d not in COUNTED:
        raise ProblemError("not_ready", detail=f"The centre ruled: {result.d} ({result.why}).")
    return result
