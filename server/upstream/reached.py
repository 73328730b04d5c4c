"""Who answers at the centre's address, where it is not the centre.

Responsible for telling a line that is away, which comes back by itself, from what somebody must mend: a certificate
that is not trusted, a name that leads to a station. Refuses to do anything about it.

Example: `await answering(url, server)` is None while there is no line, and `""` where that very centre answers.
"""

import ssl
from typing import Final

import httpx2

NO_CENTRE: Final = "no_centre"
NOT_TRUSTED: Final = "not_trusted"
ANSWERS_WITHIN_S: Final = 8.0
"""For a thin line; somebody stands and waits for it."""


def is_distrust(error: BaseException) -> bool:
    """Whether a call failed because the certificate of whoever answers is not trusted."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


async def answering(url: str, server: bytes) -> str | None:
    """Ask who is there: a code of `errors.STATIONS`, empty where it is this centre, None where nobody can tell."""
    try:
        async with httpx2.AsyncClient(base_url=url, timeout=ANSWERS_WITHIN_S) as http:
            said = (await http.get("/api/health")).json()
        role, origin = said["role"], said["log"]["origin"]
    except OSError:
        return NOT_TRUSTED  # the file of authorities cannot be read
    except httpx2.HTTPError as error:
        return NOT_TRUSTED if is_distrust(error) else None
    except (ValueError, KeyError, TypeError):
        return None  # some gate's page
    if role != "centre":
        return NO_CENTRE
    return "" if server.hex() in origin else "not_mirrored"
