"""Who may import whom: the house keeps its floors.

Refuses to know what any module does. A new room in the server is drawn in
`docs/architecture.md` first and then given its floor in `SERVER_FLOORS` below.

Example: `server/store/` importing `server.intake` fails with the two names and both floors.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.importgraph import cycle_in, python_files, python_imports, typescript_imports

ROOT = Path(__file__).resolve().parents[2]
PWA_SOURCE = ROOT / "pwa" / "src"

# From the roof down. A room may import its own floor and those below it.
SERVER_FLOORS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "cli",
            "cli_backup",
            "cli_bundle",
            "cli_carried",
            "cli_desk",
            "cli_fleet",
            "cli_inspect",
            "cli_migrate",
            "cli_proof",
            "cli_station",
        }
        | {"doctor", "__main__"}
    ),
    frozenset({"app"}),
    frozenset({"api", "live", "imports", "fleet", "deadlines", "backup", "inspect", "upstream"}),
    frozenset({"auth"}),
    frozenset({"courier", "intake", "perform", "proof", "push", "reports"}),
    frozenset({"store"}),
    frozenset(
        {"settings", "now", "problems", "observe", "keys", "curve", "seal", "edge", "failures"}
        | {"room", "wire"}
    ),
)

# Parts of the standard library that read a clock, roll a die or touch the world.
IMPURE = frozenset(
    {"asyncio", "concurrent", "ctypes", "fcntl", "glob", "http", "io", "logging", "mmap"}
    | {"multiprocessing", "os", "pathlib", "platform", "random", "secrets", "select", "selectors"}
    | {"shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading"}
    | {"time", "urllib"}
)
IMPURE_CALLS = frozenset({"datetime.now", "datetime.utcnow", "date.today", "uuid.uuid1"})
PURE_OPEN_DOORS = frozenset({"open", "input", "print", "exec", "eval"})


def floor_of(module: str) -> int | None:
    """The floor of a server module counted from the roof; None for what is not in the server."""
    parts = module.split(".")
    if parts[0] != "server" or len(parts) == 1:
        return None
    for height, rooms in enumerate(SERVER_FLOORS):
        if parts[1] in rooms:
            return height
    raise AssertionError(
        f"{module} has no floor: draw the room server/{parts[1]} in docs/architecture.md, "
        f"then name it in SERVER_FLOORS"
    )


def impure_imports(root: Path) -> Iterator[str]:
    """Each import in sync/ that a pure module may not have, as a sentence."""
    for module, imported in python_imports(root, ["sync"]).items():
        for name in sorted(imported):
            top = name.split(".")[0]
            if top in {"sync", "msgspec"}:
                continue
            if top not in sys.stdlib_module_names:
                yield f"{module} imports {name}, which is neither the standard library nor msgspec"
            elif top in IMPURE:
                yield f"{module} imports {name}: no I/O, no clock, no chance in sync/"


def impure_calls(root: Path) -> Iterator[str]:
    """Each call in sync/ that reads a clock, rolls a die or touches the world, as a sentence."""
    for module, path in python_files(root, ["sync"]).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            last_two = ".".join(called.split(".")[-2:])
            if called in PURE_OPEN_DOORS or last_two in IMPURE_CALLS or "uuid4" in called:
                yield f"{module}:{node.lineno} calls {called}"


def upward_imports(root: Path) -> Iterator[str]:
    """Each import in the server that climbs, as a sentence."""
    for module, imported in python_imports(root, ["server"]).items():
        own = floor_of(module)
        for name in sorted(imported):
            other = floor_of(name)
            if own is not None and other is not None and other < own:
                yield f"{module} (floor {own}) imports {name} (floor {other}): only downward"


def pwa_trespasses(source_root: Path) -> Iterator[str]:
    """Each import in the PWA that leaves its room by a forbidden door, as a sentence."""
    for path, imported in typescript_imports(source_root).items():
        parts = path.split("/")
        for name in sorted(imported):
            target = name.split("/")
            if parts[0] == "sync" and target[0] != "sync":
                yield f"{path} imports {name}: sync stands alone"
            if parts[0] == "device" and target[0] in {"desks", "sw"}:
                yield f"{path} imports {name}: the device knows no desk"
            if parts[0] == "codes" and target[0] in {"desks", "centre", "sw"}:
                yield f"{path} imports {name}: codes are shown and read for any desk"
            if parts[0] == "sw" and target[0] == "desks":
                yield f"{path} imports {name}: the service worker knows no desk"
            if parts[0] == target[0] == "desks" and parts[1:2] != target[1:2]:
                yield f"{path} imports {name}: desks do not know each other"


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_sync_is_pure() -> None:
    assert python_files(ROOT, ["sync"])
    assert list(impure_imports(ROOT)) == []
    assert list(impure_calls(ROOT)) == []


def test_the_server_imports_downward_only() -> None:
    assert python_files(ROOT, ["server"])
    assert list(upward_imports(ROOT)) == []


def test_only_the_command_line_knows_the_composition_root() -> None:
    for module, imported in python_imports(ROOT, ["server", "sync"]).items():
        if module.startswith(("server.app", "server.cli", "server.__main__")):
            continue
        assert not any(name.startswith("server.app") for name in imported), module


def test_sync_knows_no_shell() -> None:
    for module, imported in python_imports(ROOT, ["sync"]).items():
        assert not any(name.startswith(("server", "tests")) for name in imported), module


def test_meaning_builds_on_mechanism_and_never_the_reverse() -> None:
    for module, imported in python_imports(ROOT, ["sync"]).items():
        if not module.startswith("sync.incident"):
            assert not any(name.startswith("sync.incident") for name in imported), module


@pytest.mark.parametrize("package", ["sync", "server", "tests"])
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    assert cycle_in(python_imports(ROOT, [package])) == []


def test_the_pwa_keeps_its_rooms_apart() -> None:
    assert typescript_imports(PWA_SOURCE)
    assert list(pwa_trespasses(PWA_SOURCE)) == []


def test_a_clock_smuggled_into_sync_is_found(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "sync/a.py": "import time\nfrom litestar import get\nfrom sync import time as ours\n",
            "sync/time.py": "import datetime\nthen = datetime.datetime.now()\n",
        },
    )
    assert len(list(impure_imports(tmp_path))) == 2
    assert list(impure_calls(tmp_path)) == ["sync.time:2 calls datetime.datetime.now"]


def test_a_climbing_import_and_a_room_without_a_floor_are_found(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {"server/store/sets.py": "from server.intake import door\n", "server/intake/door.py": ""},
    )
    assert len(list(upward_imports(tmp_path))) == 1
    plant(tmp_path, {"server/cellar.py": ""})
    with pytest.raises(AssertionError, match="draw the room server/cellar"):
        list(upward_imports(tmp_path))


def test_a_circle_through_a_late_import_is_found(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "p/__init__.py": "",
            "p/a.py": "from p import b\n",
            "p/b.py": "def f():\n    import p.a\n",
        },
    )
    assert set(cycle_in(python_imports(tmp_path, ["p"]))) == {"p.a", "p.b"}


def test_forbidden_doors_in_the_pwa_are_found(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "sync/canon.ts": "import { ref } from 'vue'\n// import x from '../device/now'\n",
            "codes/Loop.vue": "<script setup>\nimport '../desks/devices/model'\n</script>\n",
            "device/link.ts": 'export {\n  a,\n  b\n} from "../desks/officer/model"\n',
            "desks/officer/view.vue": "<script setup>\nimport '@/desks/command/wall.css'\n"
            "import type { Row } from './model'\n</script>\n",
            "sw/main.ts": "const late = () => import('../desks/officer/view.vue')\n",
        },
    )
    assert list(pwa_trespasses(tmp_path)) == [
        "codes/Loop.vue imports desks/devices/model: codes are shown and read for any desk",
        "desks/officer/view.vue imports desks/command/wall.css: desks do not know each other",
        "device/link.ts imports desks/officer/model: the device knows no desk",
        "sw/main.ts imports desks/officer/view.vue: the service worker knows no desk",
        "sync/canon.ts imports vue: sync stands alone",
    ]
