"""The centre in the simulated world: the server's own intake and exchange over a database in memory.

Responsible for bringing a server process to life over what its disk holds, for handing it requests as its
listener would, many at once, and for killing it. Refuses to judge: what it answers is told to whoever listens in
`on_answer`. Nothing here decides what the server decides.

Example: `response = await centre.handle(request)`; `LostError` when the process died first.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy.exc import OperationalError

from server.api import enrol
from server.api.events import Events
from server.api.logs import LogApi
from server.api.sync import SyncApi
from server.auth.enrol import Enrolment, Whose
from server.auth.guards import Access
from server.auth.sessions import Sessions
from server.courier.answer import Answering, parts_of, write_answer
from server.courier.carried import Carried, take_in
from server.courier.files import own_key, records_of
from server.intake.batch import MOVED, Batch, Told
from server.intake.door import Intake
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.intake.redact import ERASE
from server.intake.snapshots import Snapshots
from server.live.hub import Hub
from server.now import Clock
from server.perform import Performer
from server.problems import ProblemError, refuse
from server.proof import memory
from server.proof.keeper import Keeper, announce
from server.proof.signer import Signer
from server.settings import Limits, Settings
from server.store.engine import Database
from server.upstream.clock import StationClock
from sync.changeset import Draft
from sync.exchange import PushResult
from sync.time import CENTRE_UNCERTAINTY_MS
from tests.sim.storage import PowerCut, Storage
from tests.sim.wire import LostError, Request, Response

Entropy = Callable[[int], bytes]
Result = TypeVar("Result")
ADMIN = b"\xad" * 16
TICK_S = 0.02  # requests that come within it are read together, and may share a commit


class _From:
    """What enrolment asks of a request: where it came from."""

    client = None


class Process:
    """One life of the server: everything that a power cut takes away."""

    def __init__(self, settings: Settings, clock: Clock, entropy: Entropy, db: Database) -> None:
        self._db = db
        self.performer = Performer({MOVED: self._announced, ERASE: self._erased})
        of_station = clock.uncertainty_ms if isinstance(clock, StationClock) else None
        uncertainty = of_station or (lambda: CENTRE_UNCERTAINTY_MS)
        self.intake = Intake(settings, clock, entropy, db, self.performer, uncertainty=uncertainty)
        self.hub = Hub(limit=settings.limits.event_streams)
        events = Events(settings, clock, self.hub)
        access = Access(Sessions(db, clock, entropy), lambda: self.intake.directory)
        logs = LogApi(db, access)
        self.api = SyncApi(settings, clock, db, self.intake, events, logs=logs)
        self.enrolment = Enrolment(db, clock, entropy)
        self.signer = Signer(settings, entropy)
        self.keeper = Keeper(db, self.intake, clock, self.signer)
        self.snapshots = Snapshots(settings, clock, entropy, db, self.intake)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.on_moved: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Serve, and name the log's key on the first day."""
        self.performer.start(self._db)
        await self.intake.start()
        await announce(self.intake, self.signer)

    async def _announced(self, payload: bytes) -> None:
        idx, moved, _soonest = msgspec.msgpack.decode(payload, type=Told)
        self.hub.moved(moved, idx)
        self.on_moved()

    async def _erased(self, _payload: bytes) -> None:
        await self._db.erase()

    async def live(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do work of this process. Raises LostError when the process dies first."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._tasks.discard(task)
        if task.cancelled() or isinstance(task.exception(), PowerCut):
            raise LostError
        return task.result()

    def die(self) -> None:
        """Nothing of this process runs any more."""
        for task in [self.intake._task, self.performer._task, *self._tasks]:
            if task is not None:
                task.cancel()


class Centre:
    """The centre, across all lives of its process."""

    of_process: type[Process] = Process

    def __init__(
        self,
        data_dir: Path,
        clock: Clock,
        entropy: Entropy,
        storage: Storage,
        *,
        snapshot_entries: int,
    ) -> None:
        """Nothing runs before `start`; a log of an earlier world is forgotten."""
        self.storage = storage
        self.clock = clock
        limits = Limits(snapshot_entries=snapshot_entries)
        self.settings = Settings(data_dir=data_dir, limits=limits)
        memory.path_of(self.settings).unlink(missing_ok=True)
        self.entropy = entropy
        self._db = cast("Database", storage)
        self._process: Process | None = None
        self._waiting: list[tuple[Request, asyncio.Future[Response]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.crashes = 0
        self.on_answer: Callable[[Request, Response], None] = lambda _request, _response: None
        self.on_crash: Callable[[], None] = lambda: None
        self.on_moved: Callable[[], None] = lambda: None
        storage.on_cut = self._cut

    # ---- life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bring the process up. Raises LostError when the power goes while it starts."""
        process = self._process = self.of_process(self.settings, self.clock, self.entropy, self._db)
        process.on_moved = self.on_moved
        try:
            await process.live(process.start())
        except (
            OperationalError,
            IntakeClosedError,
        ) as error:  # a server that cannot write does not serve
            self.kill()
            raise LostError from error

    async def rule_alone(self, work: Callable[[Process], Coroutine[Any, Any, None]]) -> None:
        """Let something be ruled by a process that serves nobody, as the command line does."""
        process = self.of_process(self.settings, self.clock, self.entropy, self._db)
        await process.live(process.intake.start())
        await process.live(work(process))
        process.die()

    @property
    def is_up(self) -> bool:
        """Whether a process runs."""
        return self._process is not None

    def kill(self) -> None:
        """Kill -9: no answer is given any more, nothing is written any more."""
        process, self._process = self._process, None
        if process is not None:
            self.crashes += 1
            process.die()
            self.on_crash()

    def _cut(self) -> None:
        asyncio.get_running_loop().call_soon(self.kill)

    @property
    def _living(self) -> Process:
        if self._process is None:
            raise LostError
        return self._process

    # ---- what may be asked of it ---------------------------------------------------------------

    async def handle(self, request: Request) -> Response:
        """One request over the network. Raises LostError when no answer will come."""
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            asyncio.get_running_loop().call_later(TICK_S, self._tick)
        self._waiting.append((request, answer))
        return await answer

    def _tick(self) -> None:
        waiting, self._waiting = self._waiting, []
        for request, answer in waiting:
            task = asyncio.get_running_loop().create_task(self._serve(request, answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, request: Request, answer: asyncio.Future[Response]) -> None:
        try:
            process = self._living
            response = await process.live(self._answer(process, request))
        except Exception as error:  # noqa: BLE001  whoever asked shall hear it
            if not answer.done():
                answer.set_exception(error)
            return
        self.on_answer(request, response)
        if not answer.done():
            answer.set_result(response)

    async def transact(self, job: Callable[[Batch], Result]) -> Result:
        """What an administrator does in the house. Raises LostError, IntakeClosedError."""
        process = self._living
        return await process.live(process.intake.transaction(job))

    async def desk(self, person: bytes, drafts: Sequence[Draft]) -> list[PushResult]:
        """Sets written by someone at a desk. Raises like `transact`."""
        process = self._living
        return await process.live(process.intake.submit_desk(person, drafts))

    async def carried(self, file: bytes) -> Carried:
        """A bundle that somebody brings to the administrator. Raises SealError, and like `transact`."""
        process = self._living
        records = records_of([file], own_key(self.settings))
        return await process.live(take_in(process.intake, records))

    async def answer_to(self, carried: Carried) -> bytes:
        """What goes back to whoever sent a bundle; nothing where nothing is to be said. Raises like `transact`."""
        process = self._living
        by = Answering(self._db, process.intake, process.keeper, self.clock, self.entropy)
        parts: list[bytes] = []
        for ruled in parts_of(carried.ruled):
            await process.live(write_answer(by, ruled, carried.manifest, parts.append))
        return b"".join(parts)

    async def code(self, person: bytes) -> str:
        """A one-time code for a person's new device."""
        process = self._living
        text, _expires_at_ms = await process.live(
            process.enrolment.issue(Whose(person=person), ADMIN)
        )
        return text

    async def keep_house(self) -> str | None:
        """What its tasks do from time to time: sign the log, make snapshots of scopes that have grown long. Gives why
        the log was not signed. Raises like `transact`.
        """
        process = self._living
        await process.live(process.keeper.sign())
        await process.live(process.snapshots.make_due())
        return (await process.live(process.keeper.status())).code

    # ---- one request, as the listener would hand it over -----------------------------------------

    async def _answer(self, process: Process, request: Request) -> Response:
        sent: list[dict[str, Any]] = []

        async def send(event: Any) -> None:
            sent.append(event)

        if request.path == "/api/enrol":
            await self._enrol(process, request, send)
        else:
            await process.api(cast("Any", _asgi(request)), _body(request.body), send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Response(
            status=sent[0]["status"],
            type=headers.get("content-type", ""),
            body=b"".join(event["body"] for event in sent[1:]),
            retry_after=headers.get("retry-after"),
        )

    async def _enrol(self, process: Process, request: Request, send: Any) -> None:
        try:
            answered = await enrol.enrol.fn(
                _From(),
                msgspec.json.decode(request.body, type=enrol.EnrolRequest),
                access=Access(cast("Any", None), lambda: process.intake.directory),
                enrolment=process.enrolment,
                intake=process.intake,
                db=self._db,
                settings=self.settings,
                clock=self.clock,
                link=None,
            )
        except ProblemError as problem:
            await refuse(send, problem)
            return
        except (IntakeBusyError, IntakeClosedError):
            await refuse(send, ProblemError("not_stored", retry_after_s=5))
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": msgspec.json.encode(answered.content)})


def _asgi(request: Request) -> dict[str, Any]:
    headers = [(b"authorization", request.token.encode())]
    if request.encoding != "identity":
        headers.append((b"content-encoding", request.encoding.encode()))
    if request.range:
        headers.append((b"range", request.range.encode()))
    path = request.path.removeprefix("/sync/v1")  # as the mount hands it on
    return {"type": "http", "method": request.method, "path": path, "headers": headers}


def _body(body: bytes) -> Any:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
