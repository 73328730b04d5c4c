"""The page at ``/api/docs``: every call of ``/api/openapi.json``, searchable and printable, loading
nothing from elsewhere.

Knows no call by name: the page reads the description this server gives of itself. Its only requests
go to this server."""

from pathlib import Path
from typing import Final

from litestar import Response, get

from server.api.headers import content_policy, security_headers

PAGE: Final = Path(__file__).with_name("docs.html").read_bytes()
HEADERS: Final = security_headers(content_policy(PAGE)) | {"cache-control": "no-cache"}


@get("/api/docs", include_in_schema=False, sync_to_thread=False)
def docs() -> Response[bytes]:
    """The API page."""
    return Response(PAGE, headers=HEADERS, media_type="text/html")
