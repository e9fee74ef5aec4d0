"""Short digests of content: the first 16 hexadecimal digits of its SHA-256."""

import hashlib
from pathlib import Path

_DIGITS = 16


def of_text(text: str) -> str:
    """Digest of a text, as UTF-8."""
    return of_bytes(text.encode())


def of_bytes(data: bytes) -> str:
    """Digest of bytes."""
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def of_file(path: Path) -> str:
    """Digest of a file, which is not read into memory as a whole."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
