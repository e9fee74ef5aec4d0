"""Whether a view is turned, mirrored or another view: its header or name may be wrong, and models see no usual heart.

A network tells apart the three long-axis views, each in the eight ways of turning and mirroring; another one the eight
ways of the short-axis stack (`ways`). They go by where planes are bright, where they move, and when, and learn from the
training participants, each turned all eight ways. A view is doubted if another view or way is likelier than its own by
more than validation participants, who were not learnt from, have it in any of their views (`tolerance`).
"""

from collections.abc import Iterable

import numpy as np

from vita.apply.records import Group, Upright
from vita.images.layout import FIRST_SA_PLANE, PLANE_OF_VIEW, PLANES
from vita.runtime.privacy import SMALLEST_COUNT

PLANES_OF_VIEW = {view: [place] for view, place in PLANE_OF_VIEW.items()}
PLANES_OF_VIEW["sa"] = list(range(FIRST_SA_PLANE, len(PLANES)))
GROUPS = (tuple(PLANE_OF_VIEW), ("sa",))  # views of equally many planes, which may be taken for each other
FEWEST = 50  # training participants; weights learnt from fewer would describe them


def maps(cine_sthw: np.ndarray) -> np.ndarray:
    """(planes, 4, 16, 16) of each of 16 x 16 parts of a plane: mean, standard deviation and first harmonic over time.

    The harmonic's two parts, cosine and sine, say when in the cycle a part is bright.
    """
    from torch import from_numpy
    from torch.nn.functional import adaptive_avg_pool2d

    from vita.apply.ways import CELLS

    parts = adaptive_avg_pool2d(from_numpy(np.ascontiguousarray(cine_sthw, np.float32)), CELLS).numpy()
    angles = 2 * np.pi * np.arange(parts.shape[1]) / parts.shape[1]
    waves = [np.tensordot(parts, wave / len(angles), (1, 0)) for wave in (np.cos(angles), np.sin(angles))]
    return np.stack([parts.mean(axis=1), parts.std(axis=1), *waves], axis=1).astype(np.float32)


def fit(train_nscyx: np.ndarray, val_nscyx: np.ndarray) -> Upright:
    """What is stored: for each group of views, which of them are known and the weights that know them.

    Views of too few participants are left out; empty where none is left.

    Args:
        train_nscyx: `maps` of training participants, in which a missing plane is 0.
        val_nscyx: of validation participants, of whom `highest` needs as many as may be shown.
    """
    from vita.apply.ways import learn, record

    train, val = (
        {view: _there(part[:, at]) for view, at in PLANES_OF_VIEW.items()} for part in (train_nscyx, val_nscyx)
    )
    found: list[Group] = []
    for group in GROUPS:
        views = [v for v in group if train[v].sum() >= FEWEST and val[v].sum() >= SMALLEST_COUNT]
        if views:
            model = learn([train_nscyx[train[view]][:, PLANES_OF_VIEW[view]] for view in views])
            found.append({"views": views, "weights": record(model)})
    return {"groups": found} if found else {}


def highest(record: Upright, maps_nscyx: np.ndarray) -> np.ndarray:
    """(participants,) how much likelier, in log odds, something else is in the least usual view; NaN without views."""
    result = np.full(len(maps_nscyx), np.nan)
    for view in known(record):
        there = _there(maps_nscyx[:, PLANES_OF_VIEW[view]])
        if there.any():
            result[there] = np.fmax(result[there], _rival(record, view, maps_nscyx[there])[0])
    return result


def known(record: Upright) -> list[str]:
    """The views that are judged."""
    return [view for group in record.get("groups", []) for view in group["views"]]


def _there(maps_nscyx: np.ndarray) -> np.ndarray:
    """(participants,) which have any of these planes."""
    return np.asarray(maps_nscyx.any(axis=(1, 2, 3, 4)))


def _rival(record: Upright, view: str, maps_nscyx: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """How much likelier, in log odds, the likeliest other view or way is than the view's own; and which view it is.

    Both are (participants,).
    """
    import torch

    from vita.apply.ways import WAYS, of_record, scores

    group = next(group for group in record["groups"] if view in group["views"])
    planes = PLANES_OF_VIEW[view]
    with torch.inference_mode():
        model = of_record(group["weights"], len(planes), len(group["views"]))
        found = scores(model, maps_nscyx[:, planes]).flatten(1).numpy().copy()
    place = group["views"].index(view) * WAYS
    own = found[:, place].copy()
    found[:, place] = -np.inf
    return found.max(axis=1) - own, [group["views"][each // WAYS] for each in found.argmax(axis=1)]


def turned(record: Upright, cine_sthw: np.ndarray, views: Iterable[str]) -> list[str]:
    """A sentence for each of these views that looks turned, mirrored or like another view.

    Args:
        record: from `fit`, with its `limit`; views that it does not know are not judged.
        cine_sthw: planes of a scan, as the models see them.
        views: that the scan has.
    """
    judged = known(record)
    looked_at = [view for view in views if view in judged]
    if not looked_at:
        return []
    found, sentences = maps(cine_sthw)[None], []
    for view in looked_at:
        likelier, rival = _rival(record, view, found)
        if not likelier[0] <= record["limit"]:
            what = "turned or mirrored, unlike the training's" if rival[0] == view else f"like {rival[0]}"
            sentences.append(f"{view} looks {what}")
    return sentences
