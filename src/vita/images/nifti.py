"""Voxels of NIfTI files, read once and fast: ISA-L decompresses, NumPy views the bytes."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from isal import igzip, isal_zlib

from vita.images.header import (
    GZIP_MAGIC,
    NIFTI2_HEADER_BYTES,
    PEEK_BYTES,
    Header,
    ScanError,
    inflate_start,
    open_regular,
    parse_header,
)
from vita.runtime.atomic import replacing


def read_volume(path: str | Path, planar: bool = False, max_mb: float = 2000) -> tuple[Header, np.ndarray]:
    """Read a file once: header and stored voxels.

    Args:
        path: a `.nii.gz` or `.nii` file.
        planar: as in `read_header`.
        max_mb: largest size of the voxels in MB; more is refused before it is decompressed.

    Returns:
        The header, and the voxels (time, z, y, x) as stored, a view of the decompressed bytes.

    Raises:
        ScanError: the file cannot be read, is cut short, or holds other data than its header says.
    """
    with open_regular(path) as file:
        start = file.read(NIFTI2_HEADER_BYTES)
        if start[:2] == GZIP_MAGIC:
            _check_size(os.fstat(file.fileno()).st_size, max_mb)
            return _read_gzip(start + file.read(), planar, max_mb)
        header = parse_header(start, planar)
        wanted = header.offset + header.data_bytes
        _check_size(wanted, max_mb)
        raw = start + file.read(max(wanted - len(start), 0))
    return header, _view(header, raw, header.offset)


def _check_size(size: int, max_mb: float) -> None:
    if size > max_mb * 1e6:
        raise ScanError(f"voxels would take {size / 1e6:.0f} MB, above images.max_file_mb")


def _read_gzip(raw: bytes, planar: bool, max_mb: float) -> tuple[Header, np.ndarray]:
    header = parse_header(inflate_start(raw[:PEEK_BYTES]), planar)
    wanted = header.offset + header.data_bytes
    _check_size(wanted, max_mb)
    try:
        return header, _view(header, _inflate(raw, wanted), header.offset)
    except isal_zlib.error as error:  # type: ignore[misc]  # isal's stub has it as an instance
        raise ScanError("gzip data are damaged") from error


def _inflate(source: bytes, wanted: int) -> bytes:
    """Decompress `wanted` bytes to the end of the gzip stream, which checks its checksum.

    Usually that is one piece. A stream of several gzip members (as `cat a.gz b.gz` makes) is read member by member.
    """
    stream = isal_zlib.decompressobj(wbits=31)
    piece = stream.decompress(source, wanted)
    if len(piece) == wanted:
        if not stream.eof:
            stream.decompress(stream.unconsumed_tail, 1)  # lets the stream reach its checksum
        if stream.eof:
            return piece
        raise ScanError("gzip data do not end where the header says")
    if not (stream.eof and stream.unused_data[:2] == GZIP_MAGIC):
        raise ScanError("the file is cut short: fewer voxels than its header says")
    return _inflate_members(source, wanted)


def _inflate_members(source: bytes, wanted: int) -> bytes:
    """As `_inflate`, for several members, however many and small they are."""
    open_members: Callable[..., igzip.IGzipFile] = igzip.IGzipFile  # it carries no types
    try:
        with open_members(fileobj=io.BytesIO(source)) as members:
            data = members.read(wanted)
            longer = members.read(1)
    except (OSError, EOFError) as error:
        raise ScanError("gzip data are damaged") from error
    if len(data) < wanted:
        raise ScanError("the file is cut short: fewer voxels than its header says")
    if longer:
        raise ScanError("gzip data do not end where the header says")
    return data


def _view(header: Header, data: bytes, offset: int) -> np.ndarray:
    """Voxels (time, z, y, x): the file's first axis is the fastest."""
    if len(data) - offset < header.data_bytes:
        raise ScanError("the file is cut short: fewer voxels than its header says")
    count = header.data_bytes // header.dtype.itemsize
    return np.frombuffer(data, header.dtype, count, offset).reshape(header.shape_xyzt[::-1])


def write_nifti(header: Header, voxels_tzyx: np.ndarray, path: Path) -> None:
    """Write a view as `.nii.gz`, as `read_volume` reads it."""
    import nibabel  # start-up

    # What nibabel gives no types has them here.
    create: Callable[[np.ndarray, np.ndarray], nibabel.Nifti1Image] = nibabel.Nifti1Image
    image = create(voxels_tzyx.T, header.affine)
    places: tuple[Callable[[np.ndarray, str], None], ...] = (image.set_qform, image.set_sform)
    for place in places:
        place(header.affine, "scanner")  # nibabel's own word would be that the image was moved to another
    set_units: Callable[[str, str], None] = image.header.set_xyzt_units
    set_units("mm", "sec")
    if np.isfinite(header.frame_s):
        image.header["pixdim"][4] = header.frame_s
    with replacing(path) as part:
        nibabel.save(image, part)
