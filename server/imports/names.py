"""Whom a file may speak of: the organisation's stations, units and people by name and by id.

A name that two bear is left out, so that a file that uses it is told to use the id. Knows no file.

>>> directory = Directory(1, {"stations": {bytes(16): {"name": "昂素派出所"}}})
>>> names_of(directory).stations["昂素派出所"] == names_of(directory).stations["0" * 32]
True
"""

from collections import Counter

from server.imports.orders import Names
from server.store.people import Directory


def names_of(directory: Directory) -> Names:
    """The names of an organisation as it stands."""
    return Names(
        stations=_named(directory, "stations"),
        units=_named(directory, "units"),
        people=_named(directory, "people"),
    )


def _named(directory: Directory, what: str) -> dict[str, bytes]:
    rows = directory.of(what)
    borne = Counter(str(row["name"]) for row in rows.values())
    by_name = {str(row["name"]): at for at, row in rows.items() if borne[str(row["name"])] == 1}
    return by_name | {at.hex(): at for at in rows}
