"""Folders of participants: their numbers, and who withdrew consent."""

import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from vita.errors import UserError

log = logging.getLogger(__name__)


def participant_number(folder: str) -> int:
    """The eid of a folder: its name if that is a number, or else a 13-digit number made from the name."""
    if folder.isascii() and folder.isdigit() and len(folder) < 13:
        return int(folder)
    return 10**12 + int.from_bytes(hashlib.blake2b(folder.encode(), digest_size=5).digest())


def read_withdrawals(path: Path | None) -> set[int]:
    """Ids of people who withdrew: one a line, no header.

    Raises:
        UserError: the file is missing or holds something else.
    """
    if path is None:
        return set()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"{path}: the withdrawals cannot be read ({error.strerror}); give the file") from error
    ids = set()
    for number, line in enumerate(lines, 1):
        text = line.strip().strip('"')
        if text and not text.lstrip("-").isdigit():
            raise UserError(f"{path}, line {number}: not a participant id; the file holds one id a line, no header")
        if text:
            ids.add(int(text))
    return ids


def participants(scans: Path, withdrawn: set[int]) -> Iterator[tuple[int, os.DirEntry]]:
    """Folders of participants in order of their numbers, without those of people who withdrew.

    Raises:
        UserError: the folder is missing, or two folders get the same number.
    """
    try:
        folders = [entry for entry in os.scandir(scans) if entry.is_dir() and not entry.name.startswith(".")]
    except OSError as error:
        raise UserError(f"{scans}: the folder of scans cannot be read ({error.strerror}); set input.scans") from error
    numbered = {participant_number(entry.name): entry for entry in folders}
    if len(numbered) < len(folders):
        raise UserError(f"{scans}: two folders stand for the same participant; keep one of them")
    dropped = withdrawn & set(numbered)
    log.info("%d folders, %d left out because consent was withdrawn", len(folders), len(dropped))
    for eid in sorted(set(numbered) - dropped):
        yield eid, numbered[eid]
