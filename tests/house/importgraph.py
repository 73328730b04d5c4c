"""Reads who imports whom out of the source text, in Python and in TypeScript, without running it.

Refuses to know which imports are allowed; that is what the tests beside it say.

Example: in a tree where `sync/fold.py` says `from sync import clock`,
`python_imports(root, ["sync"])["sync.fold"]` is `{"sync.clock"}`.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

# `import x from "y"`, `export * from "y"`, `import "y"`, `import("y")`, over several lines too.
_TS_IMPORT = re.compile(
    r"""(?:^|[;\s])(?:import|export)\s*(?:type\s)?[\w\s{},*$]*?(?:from\s*)?["']([^"'\n]+)["']"""
    r"""|\bimport\(\s*["']([^"'\n]+)["']""",
    re.MULTILINE,
)
_TS_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\w])//[^\n]*", re.DOTALL)


def python_files(root: Path, packages: Iterable[str]) -> dict[str, Path]:
    """Every module of the packages under `root`, by dotted name; a package is its `__init__`."""
    files: dict[str, Path] = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def python_imports(root: Path, packages: Iterable[str]) -> dict[str, set[str]]:
    """What each module imports, anywhere in it, as dotted names.

    An imported name that is itself a module of the tree counts as that module, not as its package.
    """
    files = python_files(root, packages)
    return {name: set(_imports_of(path, files.keys())) for name, path in files.items()}


def _imports_of(path: Path, known: Iterable[str]) -> Iterator[str]:
    known = set(known)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write imports from the top"
            module = node.module or ""
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield inner if inner in known else module


def cycle_in(imports: Mapping[str, set[str]]) -> list[str]:
    """The modules of one import circle, or an empty list; imports from elsewhere do not count."""
    own = {name: {other for other in seen if other in imports} for name, seen in imports.items()}
    try:
        TopologicalSorter({name: seen - {name} for name, seen in own.items()}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def typescript_imports(source_root: Path) -> dict[str, set[str]]:
    """What each `.ts` and `.vue` file under `source_root` imports.

    Keys are paths from `source_root`. A relative or `@/` import becomes such a path (without a
    guess at its ending); one that climbs out keeps its `..`; a package keeps its name.
    """
    found: dict[str, set[str]] = {}
    for path in sorted(source_root.rglob("*")):
        if path.suffix not in {".ts", ".vue"} or path.name.endswith(".d.ts"):
            continue
        here = PurePosixPath(path.relative_to(source_root).as_posix())
        text = _TS_COMMENT.sub(" ", path.read_text(encoding="utf-8"))
        found[str(here)] = {
            _resolved(here, first or second) for first, second in _TS_IMPORT.findall(text)
        }
    return found


def _resolved(importer: PurePosixPath, specifier: str) -> str:
    if specifier.startswith("@/"):
        return specifier[2:]
    if not specifier.startswith("."):
        return specifier
    parts: list[str] = list(importer.parent.parts)
    for part in PurePosixPath(specifier).parts:
        if part == "..":
            if parts and parts[-1] != "..":
                parts.pop()
            else:
                parts.append("..")
        else:
            parts.append(part)
    return "/".join(parts)
