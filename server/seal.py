"""Sealing and opening of files that are carried (BU8): HPKE for the content key, AES-256-GCM for the content.

Responsible for the keys of servers and for calling the ciphers. Refuses to know the layout, which is `sync.sealed`'s,
and what is sealed. A server's key follows from one that it signs with, so there is nothing more to keep, to back up or
to lose: at the centre whoever signs the log opens what is carried to it, at a station whoever signs for its desks.

Example: `opened(pieces, SealKey.of(signer.own_key()))` gives back what `sealed_to(pieces, [key.public], entropy)` was
made of.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server import keys
from server.keys import SigningKey
from sync import ids, sealed

_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_CURVE = ec.SECP256R1()


class SealKey:
    """A key that files are sealed to."""

    def __init__(self, scalar: int) -> None:
        """`scalar` is the private key, 1 to the order of P-256 less 1."""
        self._private = ec.derive_private_key(scalar, _CURVE)
        self.public = self._private.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        self.id = sealed.key_id(self.public)

    @classmethod
    def of(cls, key: SigningKey) -> "SealKey":
        """That of a server: of a centre by the key of its log, of a station by that of its chain (BU9)."""
        return cls(keys.p256_scalar(ids.tagged_hash("ortoo/bundle-key/1", key.seed)))

    def unwrap(self, key_id: bytes, wrapped: bytes) -> bytes | None:
        """The content key, None where it is for another key or was changed."""
        if key_id != self.id:
            return None
        try:
            key = _SUITE.decrypt(wrapped, self._private, sealed.INFO)
        except (InvalidTag, ValueError):
            return None
        return key if len(key) == sealed.KEY_BYTES else None


def opened(pieces: Iterable[bytes], key: SealKey | None) -> Iterator[bytes]:
    """What a sealed file holds. Raises SealError where it is not for this key."""
    return sealed.opened(pieces, _nothing if key is None else key.unwrap, _open_piece)


def sealed_to(
    pieces: Iterable[bytes], publics: Sequence[bytes], entropy: Callable[[int], bytes]
) -> Iterator[bytes]:
    """The bytes of a file sealed to these keys (P-256 points of 65 bytes). Raises ValueError for one that is no
    point.
    """
    key = entropy(sealed.KEY_BYTES)
    recipients = []
    for public in publics:
        point = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, public)
        recipients.append((sealed.key_id(public), _SUITE.encrypt(key, point, sealed.INFO)))
    return sealed.seal(pieces, recipients, AESGCM(key).encrypt)


def _nothing(_key_id: bytes, _wrapped: bytes) -> None:
    return None


def _open_piece(key: bytes, nonce: bytes, data: bytes, bound: bytes) -> bytes | None:
    try:
        return AESGCM(key).decrypt(nonce, data, bound)
    except (InvalidTag, ValueError):
        return None
