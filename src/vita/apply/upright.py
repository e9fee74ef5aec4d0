"""Whether a view is turned or mirrored: its header may be wrong, and then the models see a heart in no usual position.

For each view a logistic regression tells the eight ways of turning and mirroring apart, by where in the plane it is
bright and where it moves. It learns from the training participants, each turned all eight ways. A view is doubted if
another way is likelier than its own by more than validation participants, who were not learnt from, have it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.stats import t as student

from vita.images.layout import FIRST_SA_PLANE, PLANE_OF_VIEW, PLANES
from vita.runtime.privacy import SMALLEST_COUNT

PLANES_OF_VIEW = {view: [place] for view, place in PLANE_OF_VIEW.items()}
PLANES_OF_VIEW["sa"] = list(range(FIRST_SA_PLANE, len(PLANES)))
WAYS = 8
FALSE_ALARMS = 0.05 / 4  # of upright scans for each of four views, 5 % by all together
FEWEST = 50  # training participants; weights learnt from fewer would describe them
_CELLS = 8
_STRENGTH, _STEPS, _SCALE = 3.0, 60, 5.0  # of the regression; chosen on phantoms of training and validation


def maps(cine_sthw: np.ndarray) -> np.ndarray:
    """(planes, 2, 8, 8) mean and standard deviation over time of each of 8 x 8 parts of a plane."""
    planes, frames, height, width = cine_sthw.shape
    sizes = height // _CELLS, width // _CELLS
    first = (height - _CELLS * sizes[0]) // 2, (width - _CELLS * sizes[1]) // 2
    cut = cine_sthw[..., first[0] : first[0] + _CELLS * sizes[0], first[1] : first[1] + _CELLS * sizes[1]]
    parts = cut.reshape(planes, frames, _CELLS, sizes[0], _CELLS, sizes[1]).mean(axis=(3, 5))
    return np.stack([parts.mean(axis=1), parts.std(axis=1)], axis=1)


def turn(images: np.ndarray, way: int) -> np.ndarray:
    """Images (..., rows, columns) turned by way x 90 degrees, from 4 on mirrored before; 0 leaves them as they are."""
    return np.rot90(images[..., ::-1] if way >= WAYS // 2 else images, way % 4, (-2, -1))


def _vectors(maps_ns2yx: np.ndarray, way: int) -> np.ndarray:
    """(participants, size) of a view's planes: each map turned, about its mean, of unit length."""
    flat = turn(maps_ns2yx, way).reshape(*maps_ns2yx.shape[:3], -1)
    flat = flat - flat.mean(axis=-1, keepdims=True)
    return (flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-9)).reshape(len(flat), -1) * _SCALE


def fit(train_ns2yx: np.ndarray, val_ns2yx: np.ndarray) -> dict[str, dict[str, Any]]:
    """What is stored of each view: weights, and how much likelier another way may be; views of too few are left out.

    Args:
        train_ns2yx: `maps` of training participants, in which a missing plane is 0.
        val_ns2yx: of validation participants.
    """
    from sklearn.linear_model import LogisticRegression

    found = {}
    for view, planes in PLANES_OF_VIEW.items():
        train, val = (part[:, planes][part[:, planes].any(axis=(1, 2, 3, 4))] for part in (train_ns2yx, val_ns2yx))
        if len(train) < FEWEST or len(val) < SMALLEST_COUNT:
            continue
        vectors = np.concatenate([_vectors(train, way) for way in range(WAYS)])
        model = LogisticRegression(C=_STRENGTH, max_iter=_STEPS).fit(vectors, np.repeat(np.arange(WAYS), len(train)))
        record = {"weights": np.round(model.coef_, 4).tolist(), "offsets": np.round(model.intercept_, 4).tolist()}
        likelier = _likelier(record, val)
        factor = student.ppf(1 - FALSE_ALARMS, len(val) - 1) * np.sqrt(1 + 1 / len(val))
        found[view] = record | {"limit": round(float(likelier.mean() + factor * likelier.std(ddof=1)), 4)}
    return found


def _likelier(record: Mapping[str, Any], maps_ns2yx: np.ndarray) -> np.ndarray:
    """(participants,) how much likelier, in log odds, the likeliest other way is than the view's own."""
    scores = _vectors(maps_ns2yx, 0) @ np.asarray(record["weights"]).T + np.asarray(record["offsets"])
    return np.asarray(scores[:, 1:].max(axis=1) - scores[:, 0])


def turned(records: Mapping[str, Mapping[str, Any]], cine_sthw: np.ndarray, views: Iterable[str]) -> list[str]:
    """A sentence for each of these views that looks turned or mirrored.

    Args:
        records: from `fit`; views without one are not judged.
        cine_sthw: planes of a scan, as the models see them.
        views: that the scan has.
    """
    found = maps(cine_sthw)
    looked_at = {view: records[view] for view in views if view in records}
    return [
        f"{view} looks turned or mirrored, unlike the training's"
        for view, record in looked_at.items()
        if not _likelier(record, found[None, PLANES_OF_VIEW[view]])[0] <= record["limit"]
    ]
