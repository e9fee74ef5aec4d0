"""Bytes that a text holds in base64 or hexadecimal digits."""

import base64
import re

ENCODED = re.compile(r"(?<![\w+/=-])(?:(?:[A-Za-z0-9+/_-]{60,}\r?\n)+[A-Za-z0-9+/_-]+|[A-Za-z0-9+/_-]{64,})={0,2}")

_HASHES = {32, 40, 56, 64, 96, 128}  # characters of usual ones

_FEWEST_OF_EACH = 3  # capitals, small letters and digits of what was encoded


def unpacked(text: str) -> bytes | None:
    """The bytes that a text holds in base64 or hexadecimal digits; None for words and for hashes."""
    joined = "".join(text.split())
    if re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", joined):
        return None if len(joined) in _HASHES or len(joined) % 2 else bytes.fromhex(joined)
    kinds = (str.isupper, str.islower, str.isdigit)
    if min(sum(map(kind, joined)) for kind in kinds) < _FEWEST_OF_EACH:
        return None
    plain = joined.rstrip("=").translate(str.maketrans("-_", "+/"))
    if len(plain) % 4 == 1:
        return None
    return base64.b64decode(plain + "=" * (-len(plain) % 4))
