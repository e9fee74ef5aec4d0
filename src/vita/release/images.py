"""Pictures and what their files hold beside pixels."""

import io
import struct
from collections.abc import Iterator

import numpy as np

from vita.release.contents import Binary, Contents, inside

_PNG = b"\x89PNG\r\n\x1a\n"
_EXIF_BLOCKS = (0x8769, 0x8825)  # of the camera and of its place
_MOST_FRAMES = 20
_MODES = {"1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr"}  # 8 bits of a colour or fewer
_NO_TEXT = ("icc_profile", "dpi", "Software")
# chunks that every reader of PNG knows; text chunks are read
_CHUNKS = {"IHDR", "PLTE", "IDAT", "IEND", "pHYs", "gAMA", "sRGB", "cHRM", "iCCP", "tRNS", "bKGD", "sBIT", "tIME"}
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
        for number in range(min(getattr(image, "n_frames", 1), _MOST_FRAMES)):
            image.seek(number)
            kept = "RGB" if image.mode in ("P", "RGBA", "LA", "CMYK", "YCbCr") else image.mode
            where = inside(place, f"frame {number + 1}") if number else place
            found.pictures.append((where, np.array(image.convert(kept))))
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
