"""A phone that runs the real `pwa/src/device` in the node process.

Responsible for carrying what its page wants (calls, timers) into the simulated world and the answers back.
Refuses to know what the page does with them.

Example: `phone.write(act)` lets the page sign, keep and show the set; its round with the centre follows by itself.
"""

import asyncio
import base64
from collections import Counter
from typing import Any

from sync import canon
from tests.sim.clocks import PhoneClock
from tests.sim.network import Network
from tests.sim.node import Answer, Call, Node, Timer
from tests.sim.phone import ASLEEP, OFF, ON, Act, Ears, Own, Phone, Stored
from tests.sim.trace import Trace
from tests.sim.wire import LostError, Request

ENROL_WITHIN_S = 60


class PwaPhone(Phone):
    """One TypeScript installation; several pages of it may be open."""

    kind = "ts"

    def __init__(
        self,
        name: str,
        person: bytes,
        clock: PhoneClock,
        trace: Trace,
        ears: Ears,
        *,
        node: Node,
        network: Network,
        seed: str,
    ) -> None:
        super().__init__(name, person, clock, trace, ears)
        self._node = node
        self._network = network
        self._pages: list[int] = []
        self._carrying: set[asyncio.Task[None]] = set()
        self._overdue: list[Timer] = []  # rang while the phone slept
        self._acts: dict[str, Act] = {}
        self._is_enrolled = False
        self._awake = asyncio.Event()
        self._awake.set()
        self._enrolling: asyncio.Future[bool] | None = None
        self._views: dict[str, str | None] = {}
        self.by_hand: Counter[str] = Counter()  # what files that were brought said of own sets
        node.ask("phone", name=name, seed=seed)

    # ---- the pipe ------------------------------------------------------------------------------

    def _ask(self, cmd: str, page: int | None = None, **request: Any) -> Answer:
        at = [self.clock.now_ms(), self.clock.mono_ms()]
        answer = self._node.ask(cmd, name=self.name, page=page, at=at, **request)
        for tag, value, error in answer.done:
            self._ended(tag, value, error)
        for fault in answer.wishes.faults:
            self.ears.fault(f"{self.name}: {fault}")
        for call in answer.wishes.calls:
            task = asyncio.get_running_loop().create_task(self._carry(call))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)
        for timer in answer.wishes.timers:
            asyncio.get_running_loop().call_later(timer.after_ms / 1000, self._ring, timer)
        if any(dead in self._pages for dead in answer.dead):
            if self.chain() or not self._is_enrolled:
                self._went_dark("the power went inside a step of storage")
            else:
                self._went_dark("it was suspended, and cleared itself")
                self.ears.cleared_itself(self)
        return answer

    def _ended(self, tag: str, value: Any, error: str | None) -> None:
        if tag == "views" and error is None:
            self._views = value
        elif tag == "enrol" and self._enrolling is not None and not self._enrolling.done():
            self._enrolling.set_result(error is None)
        elif tag.startswith("write"):
            act = self._acts.pop(tag)
            if error is not None:
                self.ears.fault(f"{self.name}: a local write was refused: {error}")
                return
            self.trace.note(self.name, "wrote", f"{value['id'][:8]} seq {value['seq']}")
            self.ears.wrote(self, bytes.fromhex(value["id"]), act)
        elif tag == "heed" and error is None:
            self.trace.note(self.name, "heeds", str(value))
            self.by_hand.update(confirmed=value["confirmed"], kept=value["kept"])
        elif error is not None and tag != "enrol":
            self.ears.fault(f"{self.name}: {tag} failed: {error}")

    async def _carry(self, call: Call) -> None:
        body = base64.b64decode(call.body)
        request = Request(call.path, call.token, body, call.encoding, call.method, call.range)
        try:
            response = await self._network.call(self.name, "centre", request)
        except LostError:
            response = None
        await self._awake.wait()
        if call.page not in self._pages:
            return
        if response is None:
            self._ask("answer", call.page, call=call.call, status=0)
            return
        self._ask(
            "answer",
            call.page,
            call=call.call,
            status=response.status,
            type=response.type,
            body=base64.b64encode(response.body).decode(),
            cut=response.broken,
            headers={} if response.retry_after is None else {"retry-after": response.retry_after},
        )

    def _ring(self, timer: Timer) -> None:
        if timer.page not in self._pages:
            return
        if self.state == ASLEEP:
            self._overdue.append(timer)
        else:
            self._ask("ring", timer.page, timer=timer.timer)

    # ---- life ----------------------------------------------------------------------------------

    async def enrol(self, code: str) -> bool:
        self._enrolling = asyncio.get_running_loop().create_future()
        self.state = ON
        self._pages = [self._ask("enrol", code=code).value]
        # The page's first calls were made before it was known here; they are carried a turn later.
        try:
            async with asyncio.timeout(ENROL_WITHIN_S):
                enrolled = await self._enrolling
        except TimeoutError:
            enrolled = False
        self.close()
        self._is_enrolled = self._is_enrolled or enrolled
        return enrolled

    def open(self, *, power: int | None = None) -> None:
        if self.state == ASLEEP:
            self.wake()
        self.state = ON
        self._overdue.clear()
        answer = self._ask("open", steps=power)
        page: int = answer.value
        if page in answer.dead:
            self._went_dark("the power went while it started")
            return
        self._pages.append(page)
        self.trace.note(self.name, "open", f"page {len(self._pages)}")

    def close(self) -> None:
        pages, self._pages = self._pages, []
        for page in pages:
            self._ask("close", page)
        self._switched_off()
        self.trace.note(self.name, "close")

    def crash(self) -> None:
        pages, self._pages = self._pages, []
        for page in pages:
            self._ask("crash", page)
        self._went_dark("the battery is empty")

    def _went_dark(self, why: str) -> None:
        pages, self._pages = self._pages, []
        for page in pages:
            self._node.ask("crash", page=page, at=[0, 0])
        self.crashes += 1
        self._acts.clear()
        self._switched_off()
        self.trace.note(self.name, "crash", why)

    def sleep(self) -> None:
        super().sleep()
        if self.state == ASLEEP:
            self._awake.clear()

    def wake(self) -> None:
        if self.state != ASLEEP:
            return
        super().wake()
        self._awake.set()
        overdue, self._overdue = self._overdue, []
        for timer in overdue:
            self._ring(timer)
        for page in list(self._pages):
            self._ask("hear", page, event="pageshow")

    def _switched_off(self) -> None:
        self.clock.wake()
        self._awake.set()
        self.state = OFF

    # ---- what a person does --------------------------------------------------------------------

    def write(self, act: Act, *, power: int | None = None) -> None:
        if not self._pages:
            return
        tag = f"write {len(self._acts)} {self._node.questions}"
        self._acts[tag] = act
        self._ask(
            "write",
            self._pages[-1],
            tag=tag,
            entity=act.entity.hex(),
            scope=act.scope,
            lane=act.lane,
            ops=base64.b64encode(canon.encode(act.ops)).decode(),
            steps=power,
        )

    def heed(self, file: bytes) -> None:
        """Somebody brings a file, and it is opened here."""
        if self._pages:
            self._ask("heed", self._pages[-1], file=base64.b64encode(file).decode())

    def sync(self) -> None:
        for page in list(self._pages):
            self._ask("now", page)

    # ---- storage -------------------------------------------------------------------------------

    def keep(self, label: str) -> None:
        self._node.ask("keep", name=self.name, **{"as": label})
        self.copies.append(label)

    def restore(self, label: str, *, part: bool = False) -> None:
        self._node.ask("restore", name=self.name, part=part, **{"as": label})
        self._is_enrolled = bool(self.chain())

    def rot(self, place: int) -> None:
        self._node.ask("rot", name=self.name, place=place)

    def lose_cache(self) -> None:
        self._node.ask("lose-cache", name=self.name, **{"as": ""})

    def chain(self) -> bytes:
        return bytes.fromhex(self._node.ask("session", name=self.name).value or "")

    def refused(self) -> str:
        return (self._pages and self._ask("trouble", self._pages[-1]).value) or ""

    def stored(self) -> Stored:
        said = self._node.ask("stored", name=self.name).value
        marks = {(mark["chain"], mark["seq"]): mark for mark in said["marks"]}
        own: list[Own] = []
        for one in said["own"]:
            mark = marks.get((one["chain"], one["seq"]), {})
            answer = mark.get("answer") or {}
            own.append(
                Own(
                    chain=bytes.fromhex(one["chain"]),
                    seq=one["seq"],
                    id=bytes.fromhex(one["id"]),
                    raw=base64.b64decode(one["raw"]),
                    result=answer.get("r"),
                    why=answer.get("why"),
                    waits="unsent" in mark,
                    is_hearsay="wordOf" in mark,
                )
            )
        lines: dict[str, list[int]] = {}
        for scope, n, idx in sorted(said["lines"]):
            if n > 0:  # below stand the rulings that a snapshot brought along
                lines.setdefault(scope, []).append(idx)
        signed = said["signed"] and (said["signed"][0], base64.b64decode(said["signed"][1]))
        return Stored(
            own=own,
            cursors={
                scope: (epoch, n, base64.b64decode(head))
                for scope, epoch, n, head in said["cursors"]
            },
            lines=lines,
            recorded=set(said["recorded"]),
            told={bytes.fromhex(entity) for entity in said["told"]},
            shown={bytes.fromhex(entity) for entity in said["shown"]},
            signed=signed,
            alarm=said["alarm"],
        )

    def organisation(self) -> dict[tuple[str, bytes], bytes]:
        rows = self._node.ask("organisation", name=self.name).value
        return {(what, bytes.fromhex(at)): bytes.fromhex(digest) for what, at, digest in rows}

    def words(self) -> bytes:
        return base64.b64decode(self._node.ask("words", name=self.name).value)

    def views(self, entities: list[bytes]) -> dict[bytes, bytes | None]:
        self._ask("views", ids=[entity.hex() for entity in entities])
        return {
            bytes.fromhex(entity): None if digest is None else bytes.fromhex(digest)
            for entity, digest in self._views.items()
        }
