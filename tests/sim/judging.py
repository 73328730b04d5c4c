"""What people at the centre decide about what others wrote: reviews of doubtful sets, questions, redactions.

Responsible for carrying such acts out as the desks' screens do. Refuses to know whether they were wise.

Example: `await judging.redact_one(world)` takes the words of one set away, for good.
"""

from contextlib import suppress

from sqlalchemy import Connection

from server.intake.batch import Batch
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.intake.redact import Ground, NotRedactableError, redact
from server.intake.reviews import NotReviewableError, ask, review
from tests.sim.people import COMMANDER
from tests.sim.scene import Scene
from tests.sim.wire import LostError

NOT_NOW = (LostError, IntakeBusyError, IntakeClosedError, NotReviewableError, NotRedactableError)


async def decide(world: Scene) -> None:
    """Somebody works the queue of doubtful sets: admits one, rejects one, or asks its author."""
    waiting = world.storage.look(_ids, "SELECT set_id FROM doubts ORDER BY set_id")
    if not waiting:
        return
    set_id = world.chance.choice(waiting)
    kind = world.chance.choice(["admit", "admit", "reject", "ask"])

    def job(batch: Batch) -> int:
        if kind == "ask":
            return ask(batch, set_id, by=COMMANDER.id, text="?")
        return review(batch, set_id, admits=kind == "admit", by=COMMANDER.id, text="seen")

    with suppress(*NOT_NOW):
        await world.centre.transact(job)
    world.trace.note("desk", kind, set_id.hex()[:8])


async def redact_one(world: Scene) -> None:
    """Somebody takes the words of one set away."""
    if not world.acts.incidents:
        return
    incident = world.chance.choice(world.acts.incidents).id
    found = world.storage.look(
        _ids, "SELECT set_id FROM sets WHERE entity = ? ORDER BY arrival_no", (incident,)
    )
    if not found:
        return
    set_id = world.chance.choice(found)
    ground = Ground(COMMANDER.id, GROUND, "by order")
    with suppress(*NOT_NOW):
        await world.centre.transact(lambda batch: redact(batch, incident, [set_id], ground))
    world.trace.note("desk", "redact", set_id.hex()[:8])


GROUND = "minor"


def _ids(connection: Connection, sql: str, parameters: tuple[bytes, ...] = ()) -> list[bytes]:
    return [bytes(at) for (at,) in connection.exec_driver_sql(sql, parameters)]
