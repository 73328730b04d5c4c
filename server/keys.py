"""Signing keys: Ed25519 and ES256 (P-256) as devices and the centre use them (CS3).

Responsible for generating, signing, verifying and keeping the centre's own key in a file only its
owner may read. Refuses to know what is signed.

Public keys are raw bytes: 32 for Ed25519, the 65-byte uncompressed point for ES256. Signatures are
64 bytes; ES256 as raw r‖s, which is what WebCrypto makes.

Example: `verify("Ed25519", key.public, b"message", key.sign(b"message"))` is True.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from server import curve

ED25519 = "Ed25519"
ES256 = "ES256"
KEY_FILE_MODE = 0o600

# The order of P-256; a private key is an integer in 1 .. order-1 (FIPS 186-5).
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ES256 = ec.ECDSA(hashes.SHA256())
# Libraries read other forms of the same point too, and not the same ones (SEC 1 section 2.3.3).
_POINT_BYTES, _UNCOMPRESSED = 65, 0x04


class SigningKey:
    """A private key made from 32 bytes of chance, with its public half as raw bytes."""

    def __init__(self, alg: str, seed: bytes) -> None:
        """Derive the key; the same algorithm and seed always give the same key."""
        self.alg = alg
        self.seed = seed
        self._sign: Callable[[bytes], bytes]
        self._private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
        if alg == ED25519:
            edwards = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
            self.public = edwards.public_key().public_bytes_raw()
            self._sign = edwards.sign
            self._private = edwards
        elif alg == ES256:
            nist = ec.derive_private_key(p256_scalar(seed), ec.SECP256R1())
            self.public = nist.public_key().public_bytes(
                Encoding.X962, PublicFormat.UncompressedPoint
            )
            self._sign = lambda message: _raw_signature(nist.sign(message, _ES256))
            self._private = nist
        else:
            raise ValueError(f"no such algorithm: {alg}")

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._sign(message)

    def pem(self) -> tuple[bytes, bytes]:
        """The private and the public key as PEM (RFC 5958, RFC 5280), for libraries that sign by themselves."""
        private = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = self._private.public_key()
        return private, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def p256_scalar(seed: bytes) -> int:
    """A private key of P-256 made from 32 bytes of chance."""
    return int.from_bytes(seed) % (_P256_ORDER - 1) + 1


def _raw_signature(der: bytes) -> bytes:
    r, s = decode_dss_signature(der)
    return r.to_bytes(32) + s.to_bytes(32)


@lru_cache(maxsize=4096)
def _verifier(alg: str, public: bytes) -> Callable[[bytes, bytes], None]:
    """A function that raises InvalidSignature; raises ValueError for what is no public key."""
    if alg == ED25519:
        edwards = ed25519.Ed25519PublicKey.from_public_bytes(public)
        return edwards.verify
    if alg == ES256:
        nist = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)

        def verify_raw(signature: bytes, message: bytes) -> None:
            r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
            nist.verify(encode_dss_signature(r, s), message, _ES256)

        return verify_raw
    raise ValueError(f"no such algorithm: {alg}")


def verify(alg: str, public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's own; False, never an error, for anything ill-formed."""
    if len(signature) != 64:
        return False
    try:
        _verifier(alg, public)(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def is_public_key(alg: str, public: bytes) -> bool:
    """Whether these bytes are a public key that may be enrolled (CS9)."""
    if alg == ED25519:
        return curve.is_key(public)
    if len(public) != _POINT_BYTES or public[0] != _UNCOMPRESSED:
        return False
    try:
        _verifier(alg, public)
    except ValueError:
        return False
    return True


def load_or_create(path: Path, alg: str, entropy: Callable[[int], bytes]) -> SigningKey:
    """The key kept in `path`, made when there is none. Raises as `secret` does."""
    return SigningKey(alg, secret(path, entropy))


def load(path: Path, alg: str) -> SigningKey | None:
    """The key kept in `path`; None when there is none."""
    return SigningKey(alg, path.read_bytes()) if path.exists() else None


def secret(path: Path, entropy: Callable[[int], bytes]) -> bytes:
    """The 32 bytes kept in `path`; drawn, written durably and closed to others when there are none.

    Raises OSError when they cannot be kept: then there are none, and FileExistsError when another process was faster.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        seed = entropy(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under its name only when it is whole and on the disk: half a key is one that nobody can make again.
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT, KEY_FILE_MODE), "wb") as file:
            file.write(seed)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
        try:
            _sync_folder(path.parent)
        except OSError:
            path.unlink()
            raise
    finally:
        fresh.unlink(missing_ok=True)
    return seed


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
