"""Whether a view is turned, mirrored or another view: its header or name may be wrong, and models see no usual heart.

A logistic regression distinguishes the three long-axis views, each in the eight ways of turning and mirroring; another
one the eight ways of the short-axis stack. They go by where planes are bright, where they move, and when, and learn
from the training participants, each turned all eight ways. A view is doubted if another view or way is likelier than
its own by more than validation participants, who were not learnt from, have it in any of their views.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.stats import t as student

from vita.images.layout import FIRST_SA_PLANE, PLANE_OF_VIEW, PLANES
from vita.runtime.privacy import SMALLEST_COUNT

PLANES_OF_VIEW = {view: [place] for view, place in PLANE_OF_VIEW.items()}
PLANES_OF_VIEW["sa"] = list(range(FIRST_SA_PLANE, len(PLANES)))
GROUPS = (tuple(PLANE_OF_VIEW), ("sa",))  # views of equally many planes, which may be taken for each other
WAYS = 8
# Of upright scans, by all views together, if the odds were normal; chosen with the share of `typical` so that three of
# 130 validation phantoms are doubted by both together.
FALSE_ALARMS = 0.025
FEWEST = 50  # training participants; weights learnt from fewer would describe them
_CELLS = 16  # finer ones need more participants; chosen, as the next two, on phantoms of training and validation
_STRENGTH, _STEPS = 5.0, 60  # of the regression


def maps(cine_sthw: np.ndarray) -> np.ndarray:
    """(planes, 4, 16, 16) of each of 16 x 16 parts of a plane: mean, standard deviation and first harmonic over time.

    The harmonic's two parts, cosine and sine, say when in the cycle a part is bright.
    """
    from torch import from_numpy
    from torch.nn.functional import adaptive_avg_pool2d

    parts = adaptive_avg_pool2d(from_numpy(np.ascontiguousarray(cine_sthw, np.float32)), _CELLS).numpy()
    angles = 2 * np.pi * np.arange(parts.shape[1]) / parts.shape[1]
    waves = [np.tensordot(parts, wave / len(angles), (1, 0)) for wave in (np.cos(angles), np.sin(angles))]
    return np.stack([parts.mean(axis=1), parts.std(axis=1), *waves], axis=1).astype(np.float32)


def turn(images: np.ndarray, way: int) -> np.ndarray:
    """Images (..., rows, columns) turned by way x 90 degrees, from 4 on mirrored before; 0 leaves them as they are."""
    turned_images: np.ndarray = np.rot90(images[..., ::-1] if way >= WAYS // 2 else images, way % 4, (-2, -1))
    return turned_images


def _vectors(maps_nscyx: np.ndarray, way: int) -> np.ndarray:
    """(participants, size) of a view's planes: each map turned, about its mean, of unit length."""
    flat = turn(maps_nscyx, way).reshape(*maps_nscyx.shape[:3], -1)
    flat = flat - flat.mean(axis=-1, keepdims=True)
    length = np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-9)
    return np.asarray((flat / length).reshape(len(flat), -1))


def fit(train_nscyx: np.ndarray, val_nscyx: np.ndarray) -> dict[str, Any]:
    """What is stored: of each view weights and an offset, and for all how much likelier something else may be.

    Views of too few participants are left out; empty where none is left.

    Args:
        train_nscyx: `maps` of training participants, in which a missing plane is 0.
        val_nscyx: of validation participants.
    """
    train, val = (
        {view: _there(part[:, at]) for view, at in PLANES_OF_VIEW.items()} for part in (train_nscyx, val_nscyx)
    )
    record: dict[str, Any] = {"weights": {}, "offsets": {}}
    for group in GROUPS:
        views = [v for v in group if train[v].sum() >= FEWEST and val[v].sum() >= SMALLEST_COUNT]
        if views:
            learnt = _learn([train_nscyx[train[view]][:, PLANES_OF_VIEW[view]] for view in views])
            record["weights"] |= dict(zip(views, learnt[0], strict=True))
            record["offsets"] |= dict(zip(views, learnt[1], strict=True))
    highest = np.full(len(val_nscyx), -np.inf)
    for view in record["weights"]:
        there = val[view]
        likelier = _rival(record, view, val_nscyx[there][:, PLANES_OF_VIEW[view]])[0]
        highest[there] = np.maximum(highest[there], likelier)
    return record | {"limit": _limit(highest[np.isfinite(highest)])} if record["weights"] else {}


def _there(maps_nscyx: np.ndarray) -> np.ndarray:
    """(participants,) which have any of these planes."""
    return np.asarray(maps_nscyx.any(axis=(1, 2, 3, 4)))


def _learn(maps: list[np.ndarray]) -> tuple[list[list[float]], list[float]]:
    """Weights and offset of each view that is upright.

    Those of its other ways are the same, turned, since all were shown alike; so they need not be kept.

    Args:
        maps: (participants, planes, 4, 16, 16) of each view.
    """
    from sklearn.linear_model import LogisticRegression

    vectors = np.concatenate([_vectors(part, way) for part in maps for way in range(WAYS)])
    classes = np.repeat(np.arange(len(maps) * WAYS), np.repeat([len(part) for part in maps], WAYS))
    model = LogisticRegression(C=_STRENGTH, max_iter=_STEPS, class_weight="balanced").fit(vectors, classes)
    kept = [np.round(values[::WAYS].astype(float), 4).tolist() for values in (model.coef_, model.intercept_)]
    return kept[0], kept[1]


def _rival(record: Mapping[str, Any], view: str, maps_nscyx: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """How much likelier, in log odds, the likeliest other view or way is than the view's own; and which view it is.

    Both are (participants,).
    """
    group = next(group for group in GROUPS if view in group)
    known = [(each, way) for each in group if each in record["weights"] for way in range(WAYS)]
    turned_maps = [_vectors(maps_nscyx, way) for way in range(WAYS)]
    weights = {each: np.asarray(record["weights"][each]) for each in group if each in record["weights"]}
    scores = np.stack([turned_maps[way] @ weights[each] + record["offsets"][each] for each, way in known])
    own = scores[known.index((view, 0))].copy()
    scores[known.index((view, 0))] = -np.inf
    return scores.max(axis=0) - own, [known[place][0] for place in scores.argmax(axis=0)]


def _limit(highest: np.ndarray) -> float:
    """What so few upright scans pass: of a normal distribution, since a quantile would be one person's; at least 0."""
    factor = student.ppf(1 - FALSE_ALARMS, len(highest) - 1) * np.sqrt(1 + 1 / len(highest))
    return round(max(float(highest.mean() + factor * highest.std(ddof=1)), 0.0), 4)


def turned(record: Mapping[str, Any], cine_sthw: np.ndarray, views: Iterable[str]) -> list[str]:
    """A sentence for each of these views that looks turned, mirrored or like another view.

    Args:
        record: from `fit`; views without weights are not judged.
        cine_sthw: planes of a scan, as the models see them.
        views: that the scan has.
    """
    looked_at = [view for view in views if view in record.get("weights", {})]
    if not looked_at:
        return []
    found, sentences = maps(cine_sthw)[None], []
    for view in looked_at:
        likelier, rival = _rival(record, view, found[:, PLANES_OF_VIEW[view]])
        if not likelier[0] <= record["limit"]:
            what = "turned or mirrored, unlike the training's" if rival[0] == view else f"like {rival[0]}"
            sentences.append(f"{view} looks {what}")
    return sentences
