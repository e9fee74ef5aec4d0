"""Withdrawn participants: a file of ids, one per line, of people who must not be in any result."""

from pathlib import Path

from vita.runtime.errors import UserError

_HEADERS = ("eid", "f.eid", "n_eid", "participant.eid")


def load_withdrawals(path: str | Path | None) -> frozenset[int]:
    """Read the ids of a withdrawals file; without a path nobody withdrew.

    Raises:
        UserError: the file cannot be read, or a line is not an id (the message names the line, not the text).
    """
    if path is None:
        return frozenset()
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        remedy = "it must be UTF-8 text, unpacked, with one id per line"
        raise UserError(f"{path}: the withdrawals file is not plain text; {remedy}") from error
    except OSError as error:
        raise UserError(f"{path}: the withdrawals file cannot be read: {error}") from error
    ids = set()
    for number, line in enumerate(lines, start=1):
        text = line.strip().strip('"')
        if not text or (number == 1 and text.lower() in _HEADERS):
            continue
        if not text.isascii() or not text.isdigit():
            raise UserError(f"{path}, line {number}: not a participant id; the file has one id per line")
        ids.add(int(text))
    return frozenset(ids)
