"""Real networks on one machine: houses, phones and satellite links in network namespaces, cut and shaped by the kernel.

Responsible for laying them, for cutting a link in one direction or both so that packets vanish without a word, for
moving a phone from one house to another, and for taking everything away again, also what a run left that died. Refuses
to know what is sent. No address is used outside the namespaces; they have no way out.

```text
 phone ── lan of a town ── town ══ 16 kbit/s ══ sky (delay.py) ── centre ── its lan ── phone
                             └─────────── desk ───────────────────┘
```

A phone finds the server of whatever house it is in at `SERVER`: one name, two servers. Whoever sits at the desk is in
the lan of every house (`at`), past the links.

Example: `with laid(towns=2, phones=3, seed="7") as wires: wires.cut(0); wires.roam(2, 1)`.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final, TypeVar

PREFIX: Final = "ortoo-"
CENTRE: Final = "centre"
DESK: Final = "desk"
PORT: Final = 8000
MAC: Final = (
    "02:00:00:00:00:01"  # else a bridge takes on that of a phone, and another when that one leaves
)
SERVER: Final = f"http://10.77.0.1:{PORT}"
RATE: Final = "16kbit"
QUEUE_BYTES: Final = 16_384  # what a modem holds before it drops
# So that a short run waits for no retransmission that is minutes away; older kernels wait.
IMPATIENT: Final = "f=/proc/sys/net/ipv4/tcp_rto_max_ms; [ ! -e $f ] || echo 3000 > $f"
TOOLS: Final = ("ip", "tc", "nft")
CLONE_NEWNET: Final = 0x4000_0000

Result = TypeVar("Result")


def town(number: int) -> str:
    """The house of this town."""
    return f"town{number}"


def why_not() -> str | None:
    """Why no wires can be laid on this machine; None where they can."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"no {', '.join(missing)} here (`make system` installs them)"
    if os.geteuid() != 0:
        return "only root lays network namespaces"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no /dev/net/tun here"
    probe = _namespace("probe")
    try:
        _run("ip", "netns", "add", probe)
        _run("ip", "netns", "exec", probe, *_shaping("lo"))
        _run("ip", "netns", "exec", probe, "nft", "add", "table", "inet", "ortoo")
    except OSError as error:
        return f"the kernel refuses: {error}"
    finally:
        _remove(probe)
    return None


class Wires:
    """All of it, once it is laid."""

    def __init__(self, towns: int, phones: int) -> None:
        """Use `laid`."""
        self._towns = towns
        self._phones = phones
        self._whereabouts: dict[int, str] = {}
        self._skies: list[subprocess.Popen[bytes]] = []

    @property
    def houses(self) -> list[str]:
        """The centre, then the towns."""
        return [CENTRE, *(town(number) for number in range(self._towns))]

    def at(self, house: str) -> str:
        """Where the desk finds the server of a house."""
        return f"http://10.80.{self.houses.index(house)}.1:{PORT}"

    def upstream(self, number: int) -> str:
        """Where a town finds the centre."""
        return f"http://10.91.{number}.2:{PORT}"

    def inside(self, name: str) -> Sequence[str]:
        """Words before a command that is to run there."""
        return ("ip", "netns", "exec", _namespace(name))

    def within(self, name: str, story: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """What `story` comes to, lived through there by a thread of this process."""

        def run() -> Result:
            libc = ctypes.CDLL(None, use_errno=True)
            with Path("/run/netns", _namespace(name)).open(encoding="ascii") as there:
                if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"no way into {name}")
            return asyncio.run(story())

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(run).result()

    def shape(self, number: int) -> None:
        """From now on the town's link is what a satellite gives: so many bits in a second each way, and far."""
        sky = self._skies[number].stdin
        assert sky is not None
        sky.write(b"far\n")
        sky.flush()
        _run(*self.inside(town(number)), *_shaping("uplink"))
        _run(*self.inside(f"sky{number}"), *_shaping("downlink"))

    def cut(self, number: int, *, up: bool = True, down: bool = True) -> None:
        """Packets vanish on the town's link, on their way up, down, or both; nobody is told."""
        lost = []
        if up:
            lost += ['iifname "downlink" drop', 'oifname "uplink" drop']
        if down:
            lost += ['iifname "uplink" drop', 'oifname "downlink" drop']
        rules = "\n".join(f"add rule inet ortoo link {one}" for one in lost)
        self._filter(number, rules)

    def mend(self, number: int) -> None:
        """The town's link carries everything again."""
        self._filter(number, "")

    def _filter(self, number: int, rules: str) -> None:
        text = (
            "add table inet ortoo\n"
            "add chain inet ortoo link { type filter hook forward priority 0; policy accept; }\n"
            "flush chain inet ortoo link\n" + rules
        )
        _run(*self.inside(f"sky{number}"), "nft", "-f", "-", given=text + "\n")

    def roam(self, phone: int, house: str) -> None:
        """Let a phone into the lan of a house, out of the one where it is."""
        end = f"phone{phone}"
        before = self._whereabouts.get(phone)
        if before is None:
            _join(f"{end}/wlan", f"{house}/{end}")
            _address(f"{end}/wlan", f"10.77.0.{10 + phone}")
        else:
            _ip(before, f"link set {end} netns {_namespace(house)}")
        _ip(house, f"link set {end} master lan up")
        self._whereabouts[phone] = house

    def lay(self) -> None:
        """Make every namespace and what joins them; all phones are at the centre."""
        skies = [f"sky{number}" for number in range(self._towns)]
        phones = [f"phone{number}" for number in range(self._phones)]
        for name in (DESK, *self.houses, *skies, *phones):
            _run("ip", "netns", "add", _namespace(name))
            _ip(name, "link set lo up")
        for number, house in enumerate(self.houses):
            _run(*self.inside(house), "sh", "-c", IMPATIENT)
            _ip(house, f"link add lan address {MAC} type bridge forward_delay 0")
            _address(f"{house}/lan", "10.77.0.1")
            _join(f"{DESK}/house{number}", f"{house}/desk")
            _address(f"{DESK}/house{number}", f"10.80.{number}.2")
            _address(f"{house}/desk", f"10.80.{number}.1")
        for number, sky in enumerate(skies):
            _join(f"{town(number)}/uplink", f"{sky}/downlink")
            _address(f"{town(number)}/uplink", f"10.90.{number}.2")
            _address(f"{sky}/downlink", f"10.90.{number}.1")
            _join(f"{sky}/uplink", f"{CENTRE}/{sky}")
            _address(f"{sky}/uplink", f"10.91.{number}.1")
            _address(f"{CENTRE}/{sky}", f"10.91.{number}.2")
            _ip(town(number), f"route add 10.91.{number}.0/24 via 10.90.{number}.1")
            _ip(CENTRE, f"route add 10.90.{number}.0/24 via 10.91.{number}.1")
        for number in range(self._phones):
            self.roam(number, CENTRE)

    def launch(self, seed: str) -> None:
        """Let the links carry something; the processes that do end with their namespaces."""
        for number in range(self._towns):
            words = [*self.inside(f"sky{number}"), sys.executable, "-m", "tests.blackbox.delay"]
            self._skies.append(
                subprocess.Popen([*words, f"{seed}/{number}"], stdin=PIPE, stdout=PIPE)
            )
        for sky in self._skies:
            assert sky.stdout is not None
            assert sky.stdout.readline() == b"up\n"


@contextmanager
def laid(towns: int, phones: int, seed: str) -> Iterator[Wires]:
    """Wires for as long as the block lasts; whatever still runs in them then is killed.

    `seed` decides how long each packet is under way between a town and the centre, once a link is shaped.
    """
    for name in _names():
        owner = name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            _remove(name)
    wires = Wires(towns, phones)
    try:
        wires.lay()
        wires.launch(seed)
        yield wires
    finally:
        for name in _names():
            if name.startswith(f"{PREFIX}{os.getpid()}-"):
                _remove(name)


def _remove(name: str) -> None:
    """Take a namespace away, and what runs in it."""
    said = subprocess.run(["ip", "netns", "pids", name], capture_output=True, check=False).stdout
    for pid in said.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _names() -> list[str]:
    """Every namespace of this kind, of other runs too."""
    said = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    names = [line.split()[0] for line in said.stdout.splitlines() if line]
    return [name for name in names if name.startswith(PREFIX)]


def _namespace(name: str) -> str:
    return f"{PREFIX}{os.getpid()}-{name}"


def _shaping(device: str) -> list[str]:
    queue = f"rate {RATE} burst 1600 limit {QUEUE_BYTES}".split()
    return ["tc", "qdisc", "replace", "dev", device, "root", "tbf", *queue]


def _join(one: str, other: str) -> None:
    """A cable between two `house/interface`s."""
    (here, end), (there, far) = one.split("/"), other.split("/")
    spaces = _namespace(here), _namespace(there)
    words = f"link add {end} netns {spaces[0]} type veth peer name {far} netns {spaces[1]}"
    _run("ip", *words.split())
    _ip(here, f"link set {end} up")
    _ip(there, f"link set {far} up")


def _address(where: str, address: str) -> None:
    house, device = where.split("/")
    _ip(house, f"address add {address}/24 dev {device}")
    _ip(house, f"link set {device} up")


def _ip(where: str, words: str) -> None:
    _run("ip", "-n", _namespace(where), *words.split())


def _run(*words: str, given: str | None = None) -> None:
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"`{' '.join(words)}` ended with {done.returncode}: {done.stderr}")
