"""Which files still hold the id of a withdrawn participant: to be run after a withdrawal.

The workflow makes anew what a withdrawal touches. Files that it no longer makes, left by an earlier configuration, it
does not know; they are found here and have to be deleted by hand. Looked at is every file of a folder, and its name:
numbers and texts in Parquet and NumPy files, whole numbers in text files, and in all others (weights, checkpoints,
pictures) the id as text and as 8-byte integer. Prints the files, never an id. Exit code 1 if there are any.

    python -m vita.cohort.traces --folder results --withdrawals withdrawals.csv
"""

import logging
import re
import sys
import zipfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from vita import cli
from vita.cohort.withdrawals import load_withdrawals
from vita.errors import UserError

LOG = logging.getLogger(__name__)
_TEXTS = {".csv", ".tsv", ".json", ".log", ".md", ".tex", ".html", ".svg", ".txt", ".yaml"}
_NUMBER = re.compile(rb"(?<![\d.])\d{4,18}(?!\d)")  # not the decimals of a fraction


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of `python -m vita.cohort.traces`."""
    parser = cli.parser(__doc__)
    parser.add_argument("--folder", required=True, type=Path, help="folder to look through, with all below it")
    parser.add_argument("--withdrawals", required=True, type=Path, help="ids of withdrawn participants, one a line")
    args = parser.parse_args(arguments)
    found = files_with(args.folder, load_withdrawals(args.withdrawals))
    for path in found:
        print(path)
    LOG.info("%d files hold the id of a withdrawn participant", len(found))
    if found:
        sys.exit(1)


def files_with(folder: Path, ids: Collection[int]) -> list[Path]:
    """Files at or below a folder that hold one of the ids, sorted.

    Raises:
        UserError: there is no such folder, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if _holds(path, path.relative_to(folder), frozenset(ids))]


def _holds(path: Path, name: Path, ids: frozenset[int]) -> bool:
    look = _LOOKS.get(path.suffix, _in_text if path.suffix in _TEXTS else _in_bytes)
    try:
        return _numbers_in(str(name).encode(), ids) or look(path, ids)
    except (OSError, ValueError, zipfile.BadZipFile, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: cannot be looked through: {error}") from error


def _in_parquet(path: Path, ids: frozenset[int]) -> bool:
    """Row group by row group, so that a large table is never held whole."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return any(
            _in_values(pl.DataFrame(pl.from_arrow(batch)).get_column(name), ids)
            for batch in file.iter_batches()
            for name in batch.schema.names
        )


def _in_values(values: pl.Series, ids: frozenset[int]) -> bool:
    while isinstance(values.dtype, pl.List | pl.Array):
        values = values.explode()
    if values.dtype.is_integer():
        return bool(values.cast(pl.Int64, strict=False).is_in(list(ids)).any())
    if values.dtype.is_float():
        return bool(values.cast(pl.Float64).is_in([float(each) for each in ids]).any())
    if values.dtype == pl.Struct:
        return any(_in_values(each, ids) for each in values.struct.unnest())
    text = values.cast(pl.String, strict=False).drop_nulls().unique()
    return any(_numbers_in(each.encode(), ids) for each in text)


def _in_arrays(path: Path, ids: frozenset[int]) -> bool:
    """Names of arrays, whole numbers of 4 bytes and more, and texts; pixels and weights hold no ids."""
    with np.load(path, allow_pickle=False) as arrays:
        names = [name for name in arrays.files if _kind(arrays.zip, name) not in ("f2", "f4", "f8", "u1", "b1")]
        return any(_numbers_in(name.encode(), ids) for name in arrays.files) or any(
            _in_values(pl.Series(arrays[name].ravel()), ids) for name in names
        )


def _kind(archive: zipfile.ZipFile, name: str) -> str:
    """Type of an array, such as i8, from its header alone."""
    with archive.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(stream)[2].str[1:]


def _in_text(path: Path, ids: frozenset[int]) -> bool:
    return _numbers_in(path.read_bytes(), ids)


def _numbers_in(text: bytes, ids: frozenset[int]) -> bool:
    return any(int(number) in ids for number in _NUMBER.findall(text))


def _in_bytes(path: Path, ids: frozenset[int]) -> bool:
    content = path.read_bytes()
    return any(each.to_bytes(8, "little") in content or str(each).encode() in content for each in ids)


_LOOKS: dict[str, Callable[[Path, frozenset[int]], bool]] = {".parquet": _in_parquet, ".npz": _in_arrays}

if __name__ == "__main__":
    cli.run(main)
