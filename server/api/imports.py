"""Orders of other systems over HTTP: a whole file, or one order as JSON. ``/api/imports/orders`` and ``/api/orders``.

Reads the request, hands it to ``server.imports`` and tells what became of each order. Both calls may be repeated
without harm: an order is known by its source and its number there.

Example: ``POST /api/imports/orders?format=csv&encoding=gb18030&mode=good&source=city-110`` with the file as body.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from server.api.entering import through
from server.api.ids import Hex32
from server.api.session import NO_STORE
from server.api.spec import SESSION_AND_CSRF, FileUpload, json_body, refusals
from server.auth.guards import Access, SignedIn, may_import
from server.imports.apply import Importer, Outcome, RejectedImportError
from server.imports.files import FileKind, FileReading, Format, read_file
from server.imports.lines import MAX_FILE_BYTES, Encoding, Fault
from server.imports.mapping import ORTOO, read_mapping
from server.imports.names import names_of
from server.imports.orders import Order, read_order
from server.imports.rows import Row
from server.imports.times import SHANGHAI
from server.problems import ProblemError

Mode = Literal["all", "good"]
SOURCE_PATTERN: Final = r"^[\w.:/-]{1,64}$"


class Imported(msgspec.Struct, frozen=True):
    """What one order became: ``imported`` new, ``updated`` where the source says otherwise now, ``duplicate`` where
    it was known.
    """

    source_no: str
    id: Hex32
    number: str | None
    result: Literal["imported", "updated", "duplicate"]


class ImportReport(msgspec.Struct, frozen=True):
    """What a file came to. ``read`` = imported + updated + duplicate + refused, in rows; ``errors`` lists at most
    200 faults.
    """

    read: int
    imported: int
    updated: int
    duplicate: int
    refused: int
    errors: list[Fault]
    incidents: list[Imported]
    ignored_columns: tuple[str, ...]


class OrderIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One order of another system. ``station``, ``unit`` and ``person`` are ids or exact names; times as in a file."""

    source: Annotated[str, msgspec.Meta(pattern=SOURCE_PATTERN)]
    source_no: str
    station: str
    title: str
    category: str | None = None
    place: str | None = None
    lat: float | None = None
    lon: float | None = None
    caller_name: str | None = None
    caller_phone: str | None = None
    narrative: str | None = None
    level: int | None = None
    tier: int | None = None
    city_received_at: str | int | None = None
    city_issued_at: str | int | None = None
    unit: str | None = None
    person: str | None = None
    order_kind: str | None = None
    issued_at: str | int | None = None
    exercise: bool | None = None


def shown(outcome: Outcome) -> Imported:
    """An outcome as the API shows it."""
    return Imported(outcome.source_no, outcome.incident.hex(), outcome.number, outcome.result)


async def take(
    importer: Importer, orders: list[Order], source: str, who: SignedIn
) -> list[Imported]:
    """Write orders through the intake, telling its refusals as problems."""
    try:
        outcomes = await through(importer.take(orders, source, who.person.id))
    except RejectedImportError as error:
        raise ProblemError(
            "not_allowed", detail=f"The centre would not have it: {error}."
        ) from error
    return [shown(outcome) for outcome in outcomes]


def report_of(reading: FileReading, taken: list[Imported]) -> ImportReport:
    """Count what became of a file."""
    results = [one.result for one in taken]
    return ImportReport(
        read=reading.read,
        imported=results.count("imported"),
        updated=results.count("updated"),
        duplicate=results.count("duplicate"),
        refused=reading.refused,
        errors=reading.faults,
        incidents=taken,
        ignored_columns=reading.ignored,
    )


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """The file, as long as it is within bounds; the rest of a larger one is not read."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_FILE_BYTES:
            raise ProblemError("file_too_large", detail=f"At most {MAX_FILE_BYTES} bytes are read.")
    return bytes(data)


@post(
    "/api/imports/orders",
    tags=["imports"],
    operation_id="importOrders",
    operation_class=FileUpload,
    status_code=200,
    request_max_body_size=MAX_FILE_BYTES + 1,
    guards=[may_import],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "bad_request",
        "bad_mapping",
        "not_signed_in",
        "csrf",
        "not_allowed",
        "file_too_large",
        "refused_lines",
        "queue_full",
    ),
)
async def import_orders(
    request: Request[Any, Any, Any],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    importer: NamedDependency[Importer],
    source: Annotated[
        str,
        QueryParameter(
            pattern=SOURCE_PATTERN, description="whose numbers these are, e.g. city-110"
        ),
    ],
    format: Annotated[Format, QueryParameter(description="how the file is written")] = "jsonl",  # noqa: A002  the call's own word
    encoding: Annotated[
        Encoding, QueryParameter(description="of the text; a UTF-8 mark is accepted")
    ] = "utf-8",
    mode: Annotated[
        Mode,
        QueryParameter(
            description="all: nothing is imported when a line is refused; good: the good lines are"
        ),
    ] = "all",
    mapping: Annotated[
        str,
        QueryParameter(
            description="`ortoo`, or JSON {our field: column, zone?, time_format?, defaults?, values?}"
        ),
    ] = "ortoo",
) -> Response[ImportReport]:
    """Import a file of orders; the body is the file itself. Every fault is told with its line, column, code and
    reason.
    """
    plan = read_mapping(mapping)
    data = await _body(request)
    reading = read_file(data, FileKind(format, encoding), plan, names_of(access.directory()))
    if reading.refused and mode == "all":
        nothing = report_of(msgspec.structs.replace(reading, orders=[]), [])
        raise ProblemError(
            "refused_lines",
            detail=f"{reading.refused} of {reading.read} lines were refused.",
            extra={"report": msgspec.to_builtins(nothing)},
        )
    taken = await take(importer, reading.orders, source, who)
    return Response(report_of(reading, taken), headers=NO_STORE)


@post(
    "/api/orders",
    tags=["imports"],
    operation_id="importOrder",
    status_code=200,
    guards=[may_import],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "bad_request", "not_signed_in", "csrf", "not_allowed", "refused_lines", "queue_full"
    ),
)
async def import_order(
    data: Annotated[
        OrderIn,
        json_body(
            {
                "source": "city-110",
                "source_no": "1506232026031200017",
                "station": "昂素派出所",
                "title": "草场纠纷，双方争执",
                "city_received_at": "2026-03-12 14:31:08",
                "unit": "昂素一车组",
            },
            "An order of the city's 110 desk",
        ),
    ],
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    importer: NamedDependency[Importer],
) -> Response[Imported]:
    """Import one order. Repeating it changes nothing; sending it changed updates what the source said before."""
    values = {name: getattr(data, name) for name in data.__struct_fields__ if name != "source"}
    order = read_order(Row(1, 1, values), ORTOO, SHANGHAI, names_of(access.directory()))
    if not isinstance(order, Order):
        raise ProblemError("refused_lines", extra={"errors": msgspec.to_builtins(order)})
    [taken] = await take(importer, [order], data.source, who)
    return Response(taken, headers=NO_STORE)


ROUTES: Final[list[Any]] = [import_orders, import_order]
