"""The PWA's files over HTTP: what is kept, what is asked about again, and what is never given out."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from server import problems
from server.api.headers import content_policy
from server.api.static import parse_range, static_route

INDEX = b"<!doctype html><script>document.documentElement.dataset.theme='day'</script><div id=app></div>"
SCRIPT = b"export const posts = 3;\n" * 40


@pytest.fixture
def site(tmp_path: Path) -> Path:
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_bytes(INDEX)
    (root / "sw.js").write_bytes(b"self.skipWaiting();")
    (root / "manifest.webmanifest").write_text("{}")
    (root / ".env").write_text("SECRET=1")
    script = root / "assets" / "app-D3adB33f.js"
    script.write_bytes(SCRIPT)
    script.with_name(script.name + ".gz").write_bytes(gzip.compress(SCRIPT))
    (root / "map.pmtiles").write_bytes(bytes(range(256)) * 4096)
    (tmp_path / "secret.txt").write_text("not yours")
    (root / "leak.txt").symlink_to(tmp_path / "secret.txt")
    return root


@pytest.fixture
async def client(site: Path) -> AsyncIterator[AsyncTestClient[Litestar]]:
    app = Litestar([static_route(site)], exception_handlers=problems.HANDLERS)
    async with AsyncTestClient(app) as client:
        yield client


Client = AsyncTestClient[Litestar]


async def test_the_page_is_asked_about_again_and_the_hashed_asset_never(client: Client) -> None:
    page = await client.get("/")
    assert page.content == INDEX
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    worker = await client.get("/sw.js")
    assert worker.headers["cache-control"] == "no-cache"
    assert worker.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (await client.get("/manifest.webmanifest")).headers[
        "content-type"
    ] == "application/manifest+json"
    asset = await client.get("/assets/app-D3adB33f.js")
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_file_the_browser_has_is_not_sent_again_until_it_changes(
    client: Client, site: Path
) -> None:
    tag = (await client.get("/")).headers["etag"]
    again = await client.get("/", headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    (site / "index.html").write_bytes(INDEX + b"<!-- a new release -->")
    changed = await client.get("/", headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_a_deep_link_is_the_page_and_a_missing_file_is_not(client: Client) -> None:
    for link in ("/command/wall", "/enrol", "/incident/00112233445566778899aabbccddeeff"):
        assert (await client.get(link)).content == INDEX
    for gone in ("/assets/old-12345678.js", "/favicon.png", "/x/y.css"):
        answer = await client.get(gone)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


async def test_addresses_of_the_api_never_turn_into_the_page(client: Client) -> None:
    for path in ("/api/nothing", "/sync/v1/nothing", "/api"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_method_a_file_does_not_take_is_refused_with_those_it_takes(client: Client) -> None:
    answer = await client.post("/index.html")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert {"GET", "HEAD"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/leak.txt",
        "/.env",
        "/..\\secret.txt",
        "/%00secret.txt",
        "//etc/hostname.txt",
        "/" + "a" * 600 + ".txt",
    ],
)
async def test_nothing_outside_the_folder_is_given_out(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert b"not yours" not in answer.content
    assert b"SECRET" not in answer.content


async def test_one_range_is_sent_and_an_impossible_one_refused(client: Client) -> None:
    whole = bytes(range(256)) * 4096
    part = await client.get("/map.pmtiles", headers={"range": "bytes=300-309"})
    assert part.status_code == 206
    assert part.content == whole[300:310]
    assert part.headers["content-range"] == f"bytes 300-309/{len(whole)}"
    assert part.headers["content-length"] == "10"
    tail = await client.get("/map.pmtiles", headers={"range": "bytes=-3"})
    assert tail.content == whole[-3:]
    large = await client.get("/map.pmtiles", headers={"range": "bytes=1-"})
    assert large.content == whole[1:]
    beyond = await client.get("/map.pmtiles", headers={"range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    for ignored in ("bytes=0-1,5-6", "lines=1-2", "bytes=9-3"):
        assert (await client.get("/map.pmtiles", headers={"range": ignored})).content == whole
    stale = {"range": "bytes=0-1", "if-range": '"another version"'}
    assert (await client.get("/map.pmtiles", headers=stale)).content == whole


async def test_a_packed_twin_is_sent_to_those_who_take_it(client: Client) -> None:
    packed = await client.get("/assets/app-D3adB33f.js", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == SCRIPT
    assert packed.headers["content-type"] == "text/javascript; charset=utf-8"
    plain = await client.get("/assets/app-D3adB33f.js", headers={"accept-encoding": "gzip;q=0, br"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] != packed.headers["etag"]


async def test_text_without_a_twin_is_packed_for_slow_links(client: Client, site: Path) -> None:
    (site / "words.json").write_text('{"sign": "签收"}' * 200)
    packed = await client.get("/words.json", headers={"accept-encoding": "gzip, deflate"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 400
    assert packed.text == '{"sign": "签收"}' * 200
    fresh = {"accept-encoding": "gzip", "if-none-match": packed.headers["etag"]}
    assert (await client.get("/words.json", headers=fresh)).status_code == 304
    plain = await client.get("/words.json", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == packed.text


async def test_head_tells_the_length_and_sends_nothing(client: Client) -> None:
    answer = await client.head("/map.pmtiles")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(256 * 4096)


async def test_pages_come_with_a_policy_that_names_only_this_server(client: Client) -> None:
    headers = (await client.get("/")).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "'sha256-" in policy.split("script-src")[1].split(";")[0], "the page's own inline script"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_the_policy_changes_with_the_inline_code() -> None:
    one, other = content_policy(b"<script>a()</script>"), content_policy(b"<script>b()</script>")
    assert one != other
    assert content_policy(b"<script src=a.js></script>") == content_policy()


def test_ranges_at_their_edges() -> None:
    assert parse_range("bytes=0-0", 1) == (0, 0)
    assert parse_range("bytes=0-999", 10) == (0, 9)
    assert parse_range("bytes=-99", 10) == (0, 9)
    assert parse_range("bytes=-0", 10) == "unsatisfiable"
    assert parse_range("bytes=0-", 0) == "unsatisfiable"
    assert parse_range("bytes=-", 10) is None
