"""Pictures and what their files hold beside pixels."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from vita.release.contents import Binary, Contents, inside

_PNG = b"\x89PNG\r\n\x1a\n"
_EXIF_BLOCKS = (0x8769, 0x8825)  # of the camera and of its place
_MOST_FRAMES = 20
_MODES = {"1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr"}  # 8 bits of a colour or fewer
_NO_TEXT = ("icc_profile", "dpi")  # a profile is refused with its chunk
# chunks that every reader of PNG knows; text chunks are read
_CHUNKS = {"IHDR", "PLTE", "IDAT", "IEND", "pHYs", "gAMA", "sRGB", "cHRM", "tRNS"}
_CHUNKS |= {"tEXt", "zTXt", "iTXt", "eXIf"}


def read_picture(data: bytes, place: str, found: Contents, binary: Binary, depth: int) -> None:
    """Frames, metadata and what follows the picture; parts that are not shown cannot be judged."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        texts = {key: value for key, value in image.info.items() if isinstance(value, str | bytes)}
        exif = image.getexif()
        for part in (exif, *(exif.get_ifd(block) for block in _EXIF_BLOCKS)):
            texts |= {f"Exif {key}": value if isinstance(value, bytes) else str(value) for key, value in part.items()}
        if image.mode not in _MODES:
            found.unreadable.append((place, f"pixels of more than 8 bits ({image.mode})"))
        if getattr(image, "n_frames", 1) > _MOST_FRAMES:
            found.unreadable.append((place, f"more than {_MOST_FRAMES} frames"))
        if image.mode == "P" and image.palette and len(image.palette.getdata()[1]) // 3 > len(image.getcolors() or ()):
            found.unreadable.append((place, "colours of a palette that no pixel has"))
        for number in range(min(getattr(image, "n_frames", 1), _MOST_FRAMES)):
            image.seek(number)
            kept = "RGB" if image.mode in ("P", "RGBA", "LA", "CMYK", "YCbCr") else image.mode
            where = inside(place, f"frame {number + 1}") if number else place
            found.pictures.append((where, np.array(image.convert(kept))))
    if data.startswith(_PNG) and not _is_filled(data):
        found.unreadable.append((place, "more data than pixels"))
    for kind, body in _beside(data) if data.startswith(_PNG) else ():
        if kind:
            found.unreadable.append((inside(place, f"chunk {kind}"), "a part that no viewer shows"))
        elif body.strip(b"\0"):
            binary(body, inside(place, "behind the picture"), found, depth + 1)
    for key, value in texts.items():
        if key not in _NO_TEXT:
            text = value.encode() if isinstance(value, str) else value
            binary(text, inside(place, f"metadata {key}"), found, depth + 1)


def _beside(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Chunks of a PNG that are not known, with their names, and the bytes behind its end."""
    start = len(_PNG)
    while start + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        name = kind.decode("latin-1")
        if name not in _CHUNKS:
            yield name, data[start + 8 : start + 8 + length]
        start += 12 + length
        if name == "IEND":
            yield "", data[start:]
            return


def _is_filled(data: bytes) -> bool:
    """Whether a PNG's compressed data are as many as its pixels need; not counted if its rows are interlaced."""
    width, height, bits, colour, interlaced = struct.unpack(">IIBB2xB", data[16:29])
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    start, body = len(_PNG), b""
    while start + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        body += data[start + 8 : start + 8 + length] if kind == b"IDAT" else b""
        start += 12 + length
    stream = zlib.decompressobj()
    size = len(stream.decompress(body)) + len(stream.flush())
    return not stream.unused_data and (bool(interlaced) or size == height * (1 + -(-width * channels * bits // 8)))
