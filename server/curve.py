"""Whether 32 bytes are an Ed25519 public key that one person alone can sign for (CS9).

Responsible for the arithmetic of edwards25519 that the library leaves out: it takes any 32 bytes for a key, those of no
point and those of a point of small order among them, under which anybody can make a signature. Refuses to sign and to
verify. It costs about two milliseconds, so it stands at enrolment and not on the path of a push.

Source: RFC 8032 sections 5.1 (constants, addition) and 5.1.3 (decoding).

>>> is_key((1).to_bytes(32, "little"))  # the neutral element signs everything
False
"""

from __future__ import annotations

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
_SQRT_MINUS_ONE = pow(2, (P - 1) // 4, P)

_Point = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T of a point, with x = X/Z, y = Y/Z and x·y = T/Z."""
_NEUTRAL: _Point = (0, 1, 1, 0)


def is_key(encoded: bytes) -> bool:
    """Whether the bytes are the canonical encoding of a point of prime order."""
    point = _decoded(encoded)
    return point is not None and not _is_neutral(point) and _is_neutral(_times(ORDER, point))


def _decoded(encoded: bytes) -> _Point | None:
    number = int.from_bytes(encoded, "little")
    y, is_odd = number & (2**255 - 1), number >> 255
    if len(encoded) != 32 or y >= P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * _SQRT_MINUS_ONE % P
    if (x * x - square) % P != 0 or (x == 0 and is_odd):
        return None
    if x & 1 != is_odd:
        x = P - x
    return x, y, 1, x * y % P


def _times(factor: int, point: _Point) -> _Point:
    product = _NEUTRAL
    for bit in f"{factor:b}":
        product = _sum(product, product)
        if bit == "1":
            product = _sum(product, point)
    return product


def _sum(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * _D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _is_neutral(point: _Point) -> bool:
    return point[0] == 0 and (point[1] - point[2]) % P == 0
