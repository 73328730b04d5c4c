"""The API describes itself completely, and its page loads nothing from anywhere else."""

import doctest
import importlib
import pkgutil
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sync import errors
from tests.server.desks import Centre, centre

UNSAFE = {"post", "put", "patch", "delete"}


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in spec["paths"].items():
        for method in UNSAFE | {"get"}:
            if method in item:
                yield path, method, item[method]


async def test_the_page_has_no_source_outside_this_server(house: Centre) -> None:
    answer = await house.client.get("/api/docs")
    page = answer.text
    assert answer.status_code == 200
    assert (
        re.findall(
            r"""(?:src|href|action|url|import|fetch)\s*[=(]\s*["']?\s*(?:https?:)?//""", page
        )
        == []
    )
    assert re.findall(r"https?://", page) == []
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy.count("'sha256-") == 2, "its own script and its own style, by their hashes"
    assert "innerHTML" not in page, "a description is text, never markup"


async def test_every_call_says_what_it_does_who_may_and_how_it_refuses(house: Centre) -> None:
    spec = (await house.client.get("/api/openapi.json")).json()
    named = [op["operationId"] for _path, _method, op in operations(spec)]
    assert len(named) == len(set(named)) >= 17
    for path, method, op in operations(spec):
        assert op.get("description"), (path, method)
        assert op["tags"], (path, method)
        assert {"name": op["tags"][0]}.items() <= next(
            tag for tag in spec["tags"] if tag["name"] == op["tags"][0]
        ).items()
        if path == "/api/health":
            continue
        schemes = {name for one in op["security"] for name in one}
        assert schemes <= set(spec["components"]["securitySchemes"])
        if path.startswith("/api/push/"):
            assert schemes == {"device"}, (path, method)
        elif method in UNSAFE and path not in {"/api/session", "/api/enrol"}:
            assert schemes == {"session", "csrf"}, (path, method)
        if "session" in schemes:
            assert "401" in op["responses"], (path, method)
        for status, response in op["responses"].items():
            if status.startswith(("4", "5")):
                media = response["content"]["application/problem+json"]
                assert media["schema"], (path, status)
                for example in media["examples"].values():
                    problem = example["value"]
                    assert problem["status"] == int(status)
                    assert errors.lookup(problem["code"]).cause == problem["cause"]


async def test_every_body_has_an_example_that_the_call_accepts(house: Centre) -> None:
    spec = (await house.client.get("/api/openapi.json")).json()
    seat = await house.sign_in("admin")
    commander = await house.sign_in("commander")
    tried = 0
    for path, method, op in operations(spec):
        content = op.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            continue
        examples = content["schema"]["examples"]
        assert examples, (path, method)
        for example in examples:
            tried += 1
            url = re.sub(r"\{\w+\}", "0" * 32, path.replace("{what}", "stations"))
            for one in (seat, commander):
                answer = await one.send(method, url, example)
                code = answer.json().get("code") if answer.content else None
                assert code not in {"bad_request", "method_not_allowed"}, (path, code)
    assert tried >= 7


async def test_every_structure_says_what_it_is(house: Centre) -> None:
    spec = (await house.client.get("/api/openapi.json")).json()
    silent = [
        name
        for name, schema in spec["components"]["schemas"].items()
        if not schema.get("description")
    ]
    assert silent == []
    assert "text/event-stream" in spec["paths"]["/api/live"]["get"]["responses"]["200"]["content"]
    upload = spec["paths"]["/api/imports/orders"]["post"]["requestBody"]
    assert set(upload["content"]) == {"application/jsonl", "text/csv"}


async def test_the_examples_of_a_file_are_files_that_can_be_imported(house: Centre) -> None:
    spec = (await house.client.get("/api/openapi.json")).json()
    await house.intake.org("stations", b"station-angsu---", {"name": "昂素派出所"})
    await house.intake.org(
        "units", b"unit-angsu------", {"name": "昂素一车组", "station": b"station-angsu---"}
    )
    desk = await house.sign_in("dispatcher")
    content = spec["paths"]["/api/imports/orders"]["post"]["requestBody"]["content"]
    for kind, form in (("application/jsonl", "jsonl"), ("text/csv", "csv")):
        [example] = content[kind]["examples"].values()
        url = f"/api/imports/orders?source={form}&format={form}"
        report = (await desk.upload(url, example["value"].encode())).json()
        assert report["imported"] == 2, report


@pytest.mark.parametrize("room", ["api", "auth", "imports"])
def test_the_examples_in_the_code_are_true(room: str) -> None:
    tried = 0
    for found in pkgutil.iter_modules([f"server/{room}"], f"server.{room}."):
        result = doctest.testmod(importlib.import_module(found.name))
        assert result.failed == 0, found.name
        tried += result.attempted
    assert tried > 0


async def test_no_reference_in_the_description_leads_nowhere(house: Centre) -> None:
    spec = (await house.client.get("/api/openapi.json")).json()

    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    found = set(references(spec))
    assert found
    for reference in found:
        at = spec
        for key in reference.removeprefix("#/").split("/"):
            at = at[key]


async def test_the_description_names_no_other_host(house: Centre) -> None:
    assert "http://" not in (await house.client.get("/api/openapi.json")).text


NONSENSE: list[Any] = [
    None, [], {}, {"x": 1}, 7, "\x00", {"name": "\x00" * 5}, {"why": 5}, {"move": "fly"},
    {"move": "note"}, {"person": "zz"}, {"code": 5}, {"login": "a", "password": "b"},
]  # fmt: skip


async def test_a_call_refuses_only_as_it_says_it_may_and_is_never_kept(house: Centre) -> None:
    spec = (await house.client.get("/api/openapi.json")).json()
    house.app.state.hub.drain()  # a stream of hints would not end before the story does
    undescribed = set()
    for login in ("admin", "commander", "officer"):
        for path, method, op in operations(spec):
            seat = await house.sign_in(login)
            for filled in ("0" * 32, "zz", "é%00") if "{" in path else ("",):
                url = re.sub(r"\{\w+\}", filled, path.replace("{what}", "stations"))
                urls = [url, f"{url}?limit=-1&before=x&day=%00&source=&format=x&mode=x&q=%00"]
                for body in NONSENSE if method in UNSAFE else NONSENSE[:1]:
                    for one in urls:
                        answer = await seat.send(method, one, body)
                        assert answer.status_code != 500, (method, one, body)
                        assert answer.headers["cache-control"] in ("no-store", "no-cache"), one
                        if str(answer.status_code) not in op["responses"]:
                            code = answer.json().get("code") if answer.content else ""
                            undescribed.add((op["operationId"], answer.status_code, code))
    assert undescribed == set()
