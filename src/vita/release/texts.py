"""Text of any form: JSON, markup, delimited tables and prose, and what is packed in it."""

import base64
import binascii
import re
from urllib.parse import unquote

from vita.release.contents import Binary, Contents, inside
from vita.release.gibberish import unknown_encoding
from vita.release.lines import delimited, in_lines
from vita.release.markup import read_markup
from vita.release.packed import ENCODED, unknown, unpacked
from vita.release.records import read_json
from vita.release.spelling import plainly

_DELIMITED = (".csv", ".tsv", ".tab")
_DATA_ADDRESS = re.compile(r"data:[\w./+-]*(?:;[\w=.-]+)*;base64,([A-Za-z0-9+/=\s]{16,})")
_PLAIN_ADDRESS = re.compile(r"data:(?:[\w.+-]+/[\w.+-]+)?(?:;(?!base64)[\w=.-]+)*,([^\"'<>\s)]{16,})")


def read_text(text: str, place: str, name: str, found: Contents, binary: Binary, depth: int) -> None:
    """Add a text's tables and pictures to `found`; its form is recognised by its beginning and by its name."""
    text = plainly(_addresses(text, place, found, binary, depth))
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):  # the strings of JSON are read one by one
        for count, match in enumerate(ENCODED.finditer(text), 1):
            if (data := unpacked(match[0])) is not None:
                binary(data, inside(place, f"encoded {count}"), found, depth + 1)
    start = text.lstrip("\ufeff \t\r\n")[:200].lower()
    if words := unknown(text, start.startswith("<")):
        found.unreadable.append((place, f"{words} long words in an unknown encoding"))
    if start[:1] in "{[" and read_json(text, place, found, binary, depth):
        return
    if start.startswith(("<", "<?xml", "<!doctype")):
        read_markup(text, place, found, binary, depth)
        return
    if reason := "" if name.lower().endswith(_DELIMITED) else unknown_encoding(text):
        found.unreadable.append((place, reason))
    if name.lower().endswith(_DELIMITED):
        found.tables += delimited(text, place)
        return
    found.tables += in_lines(text, place)


def _addresses(text: str, place: str, found: Contents, binary: Binary, depth: int) -> str:
    """Read the files in base64 data addresses, and take them out of the text."""
    for count, match in enumerate(_PLAIN_ADDRESS.finditer(text) if "data:" in text else (), 1):
        binary(unquote(match[1]).encode(), inside(place, f"address with text {count}"), found, depth + 1)
    if ";base64," not in text:
        return text
    for count, match in enumerate(_DATA_ADDRESS.finditer(text), 1):
        where = inside(place, f"data address {count}")
        try:
            binary(base64.b64decode(match[1]), where, found, depth + 1)
        except binascii.Error:
            found.unreadable.append((where, "no base64"))
    return _DATA_ADDRESS.sub(" ", text)
