"""Files mapped into memory, whose pages do not stay there for ever.

Pages of a mapped file count as the process's memory once they were read, although the system could drop them at any
time: a training that copies all its images into its own memory would be charged for them twice.
"""

import mmap
from pathlib import Path

import numpy as np

KEPT_BYTES = 128 * 2**20  # read from all files before their pages are given back


class MappedFiles:
    """Files that are mapped read-only when they are first used."""

    def __init__(self) -> None:
        self._maps: dict[Path, tuple[mmap.mmap, np.ndarray]] = {}
        self._read = 0

    def data(self, path: Path) -> np.ndarray:
        """The bytes of a file, read-only."""
        if path not in self._maps:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._maps[path] = mapped, np.frombuffer(mapped, np.uint8)
        return self._maps[path][1]

    def was_read(self, count: int) -> None:
        """Give all pages back to the system if `KEPT_BYTES` were read since the last time, `count` of them now.

        Arrays of the files' bytes stay as they are: what is read again comes from the file, or from the system's cache
        of it.
        """
        self._read += count
        if self._read < KEPT_BYTES or not hasattr(mmap, "MADV_DONTNEED"):
            return
        for mapped, _ in self._maps.values():
            mapped.madvise(mmap.MADV_DONTNEED)
        self._read = 0
