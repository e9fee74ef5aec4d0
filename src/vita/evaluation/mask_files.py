"""Masks files of segmentation systems: their content, and how to read them."""

from pathlib import Path

import numpy as np

from vita.runtime.errors import UserError

_NEEDED = ("eid", "truth", "prediction", "spacing_mm")
_PROBES = ("trained", "es_frames", "es_prediction", "still_prediction")


def read_masks(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a masks file.

    Returns:
        `eid` (n,), `truth` and `prediction` (n, 9, time, height, width), `spacing_mm` (n, 9, 2); `trained` (frames,),
        all frames if the file does not say; and, if the file has them, `es_frames`, `es_prediction` and
        `still_prediction`, see `training.segmentation.segment`.

    Raises:
        UserError: the file or an array is missing, or the shapes do not match.
    """
    if not path.is_file():
        raise UserError(f"no masks file {path}: run the rule that trains this system's segmentation first")
    with np.load(path, allow_pickle=False) as stored:
        missing = [name for name in _NEEDED if name not in stored]
        if missing:
            raise UserError(f"{path} has no array {', '.join(missing)}")
        arrays = {name: stored[name] for name in (*_NEEDED, *_PROBES) if name in stored}
    n = len(arrays["eid"])
    if arrays["truth"].shape != arrays["prediction"].shape or arrays["truth"].shape[:2] != (n, 9):
        raise UserError(f"{path}: truth and prediction must both be ({n}, 9, time, height, width)")
    if arrays["spacing_mm"].shape != (n, 9, 2) or not (arrays["spacing_mm"] >= 0).all():
        raise UserError(f"{path}: spacing_mm must be ({n}, 9, 2), positive, and 0 for missing planes only")
    return {"trained": np.arange(arrays["truth"].shape[2])} | arrays
