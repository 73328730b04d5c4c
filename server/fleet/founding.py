"""Founding an organisation in a centre of this process: rows, and logins for its desks.

Responsible for what an administrator would otherwise type in. Refuses to run against a centre
elsewhere: there the people are already there.

Example: `await found(app.state.intake, app.state.db, clock, rows, logins)` inside `serving(app)`.
"""

from collections.abc import Iterable

from server.auth.logins import Logins
from server.auth.passwords import Cost, Passwords
from server.fleet.world import OrgRow
from server.intake.batch import Batch
from server.intake.door import Intake
from server.now import Clock
from server.store.engine import Database


async def found(
    intake: Intake,
    db: Database,
    clock: Clock,
    rows: Iterable[OrgRow],
    logins: Iterable[tuple[bytes, str, str]],
) -> None:
    """Give the organisation these rows and these people (id, login, password) their logins.

    Rows that already stand as given are left alone. Passwords are hashed at a cost for throw-away
    logins.
    """
    known = intake.directory
    new = [row for row in rows if known.row(row[0], row[1]) != row[2]]

    def enter(batch: Batch) -> None:
        for what, row_id, row in new:
            batch.org(what, row_id, row)

    if new:
        await intake.transaction(enter)
    keeper = Logins(db, Passwords(Cost.light()), clock)
    for person, login, password in logins:
        await keeper.set(person, login, password)
