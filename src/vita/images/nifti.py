"""Voxels of NIfTI files, read once and fast: ISA-L decompresses, NumPy views the bytes."""

import io
from pathlib import Path

import numpy as np
from isal import isal_zlib

from vita.images.header import (
    GZIP_MAGIC,
    NIFTI2_HEADER_BYTES,
    PEEK_BYTES,
    Header,
    ScanError,
    inflate_start,
    parse_header,
    system_reason,
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
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise ScanError(system_reason(error)) from error
    if raw[:2] == GZIP_MAGIC:
        return _read_gzip(raw, planar, max_mb)
    header = parse_header(raw[:NIFTI2_HEADER_BYTES], planar)
    return header, _view(header, raw, header.offset)


def _read_gzip(raw: bytes, planar: bool, max_mb: float) -> tuple[Header, np.ndarray]:
    header = parse_header(inflate_start(raw[:PEEK_BYTES]), planar)
    wanted = header.offset + header.data_bytes
    if wanted > max_mb * 1e6:
        raise ScanError(f"voxels would take {wanted / 1e6:.0f} MB, above images.max_file_mb")
    try:
        return header, _view(header, _inflate(raw, wanted), header.offset)
    except isal_zlib.error as error:
        raise ScanError("gzip data are damaged") from error


def _inflate(source: bytes, wanted: int) -> bytes:
    """Decompress `wanted` bytes to the end of the gzip stream, which checks its checksum.

    Usually that is one piece. A stream of several gzip members (as `cat a.gz b.gz` makes) is read on.
    """
    parts = io.BytesIO()
    stream = isal_zlib.decompressobj(wbits=31)
    while True:
        piece = stream.decompress(source, wanted - parts.tell())
        if len(piece) == wanted:
            _finish(stream)
            return piece
        parts.write(piece)
        if parts.tell() == wanted:
            _finish(stream)
            return parts.getvalue()
        source = stream.unconsumed_tail
        if stream.eof and stream.unused_data[:2] == GZIP_MAGIC:
            source, stream = stream.unused_data, isal_zlib.decompressobj(wbits=31)
        elif stream.eof or not piece:
            raise ScanError("the file is cut short: fewer voxels than its header says")


def _finish(stream: "isal_zlib.Decompress") -> None:
    """Let the stream reach its end, where gzip's checksum is compared."""
    if not stream.eof:
        stream.decompress(stream.unconsumed_tail, 1)
    if not stream.eof:
        raise ScanError("gzip data do not end where the header says")


def _view(header: Header, data: bytes, offset: int) -> np.ndarray:
    """Voxels (time, z, y, x): the file's first axis is the fastest."""
    if len(data) - offset < header.data_bytes:
        raise ScanError("the file is cut short: fewer voxels than its header says")
    count = header.data_bytes // header.dtype.itemsize
    return np.frombuffer(data, header.dtype, count, offset).reshape(header.shape_xyzt[::-1])


def write_nifti(header: Header, voxels_tzyx: np.ndarray, path: Path) -> None:
    """Write a view as `.nii.gz`, as `read_volume` reads it."""
    import nibabel  # start-up

    image = nibabel.Nifti1Image(voxels_tzyx.T, header.affine)
    for place in (image.set_qform, image.set_sform):
        place(header.affine, "scanner")  # nibabel's own word would be that the image was moved to another
    image.header.set_xyzt_units("mm", "sec")
    if np.isfinite(header.frame_s):
        image.header["pixdim"][4] = header.frame_s
    with replacing(path) as part:
        nibabel.save(image, part)
