"""What a page of this server may load: the content security policy and the headers that go with every file.

Pure. Everything comes from this server; inline code of a page is allowed by its own hash and by nothing broader.

>>> "'unsafe-inline'" in content_policy(b"<script>a()</script>"), "'sha256-" in content_policy(b"<script>a()</script>")
(False, True)
"""

import base64
import hashlib
import re

_INLINE = re.compile(rb"<(script|style)(?![^>]*\ssrc=)[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)


def security_headers(csp: str) -> dict[str, str]:
    """Headers that every page and file carries: own sources only, no framing, no sniffing, no
    referrer to others.
    """
    return {
        "content-security-policy": csp,
        "cross-origin-opener-policy": "same-origin",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


def content_policy(html: bytes = b"") -> str:
    """The content security policy: everything from this server only; inline code of the page itself
    by its hash.
    """
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, body in _INLINE.findall(html):
        if body.strip():
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            hashes[kind.decode().lower()].append(f"'sha256-{digest}'")
    return "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self'", *hashes["script"]]),
            " ".join(["style-src 'self'", *hashes["style"]]),
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "worker-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )
