"""A small network that tells views, and ways of turning and mirroring them, apart by where and when planes are bright.

It is shown a view in all eight ways and gives each a score for each view that it may be; the softmax over views and
ways together has to find the true view as it is. One network scores all ways, so that none has weights of its own.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vita.apply.records import Weights

WAYS = 8
CELLS = 16  # parts of a plane along each axis
MAPS = 4  # of each plane
_WIDTHS = (16, 24)  # of the two convolutions
_DROPOUT, _RATE, _DECAY, _BATCH = 0.3, 4e-3, 0.05, 64
_EPOCHS, _LEAST_STEPS = 24, 150
_SEED = 0
_DIGITS = 4


def turn(images: np.ndarray, way: int) -> np.ndarray:
    """Images (..., rows, columns) turned by way x 90 degrees, from 4 on mirrored before; 0 leaves them as they are."""
    turned_images: np.ndarray = np.rot90(images[..., ::-1] if way >= WAYS // 2 else images, way % 4, (-2, -1))
    return turned_images


def network(planes: int, views: int) -> nn.Sequential:
    """From (n, planes x MAPS, CELLS, CELLS) to a score for each view (n, views)."""
    first, second = _WIDTHS
    return nn.Sequential(
        nn.Conv2d(planes * MAPS, first, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(first, second, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(_DROPOUT),
        nn.Linear(second * (CELLS // 4) ** 2, views),
    )


def scores(model: nn.Module, maps_npcyx: np.ndarray) -> Tensor:
    """(n, views, ways): how likely these maps, turned each way, are each view, as unnormalised log odds."""
    images = _normed(maps_npcyx).reshape(len(maps_npcyx), -1, CELLS, CELLS)
    ways = np.concatenate([turn(images, way) for way in range(WAYS)])
    found: Tensor = model(torch.from_numpy(ways))
    return found.reshape(WAYS, len(images), -1).permute(1, 2, 0)


def _normed(maps: np.ndarray) -> np.ndarray:
    """Each map (..., rows, columns) about its mean, of unit variance; a map without any is 0."""
    centred = maps - maps.mean(axis=(-2, -1), keepdims=True)
    spread = np.maximum(np.sqrt((centred**2).mean(axis=(-2, -1), keepdims=True)), 1e-9)
    return np.asarray(centred / spread, np.float32)


def learn(maps_of_view: Sequence[np.ndarray]) -> nn.Sequential:
    """A network trained on upright views; a view that few participants have counts as much as the others.

    Args:
        maps_of_view: (participants, planes, MAPS, CELLS, CELLS) of each view.
    """
    every = np.concatenate(maps_of_view)
    view = torch.arange(len(maps_of_view)).repeat_interleave(torch.tensor([len(part) for part in maps_of_view]))
    weight = torch.tensor([len(every) / len(maps_of_view) / len(part) for part in maps_of_view])
    steps = max(_EPOCHS * len(every) // _BATCH, _LEAST_STEPS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        model = network(every.shape[1], len(maps_of_view)).train()
        optimizer = torch.optim.AdamW(model.parameters(), _RATE, weight_decay=_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
        order = torch.empty(0, dtype=torch.long)
        for _ in range(steps):
            if not len(order):
                order = torch.randperm(len(every))
            chosen, order = order[:_BATCH], order[_BATCH:]
            found = scores(model, every[chosen.numpy()]).flatten(1)
            # the true view, turned in no way
            losses = F.cross_entropy(found, view[chosen] * WAYS, reduction="none")
            optimizer.zero_grad()
            torch.autograd.backward((losses * weight[view[chosen]]).mean())
            optimizer.step()
            schedule.step()
    return model.eval()


def record(model: nn.Module) -> dict[str, Weights]:
    """The weights as JSON takes them."""
    return {
        name: np.round(values.numpy().astype(float), _DIGITS).tolist() for name, values in model.state_dict().items()
    }


def of_record(weights: Mapping[str, Weights], planes: int, views: int) -> nn.Sequential:
    """The network that `record` wrote."""
    model = network(planes, views)
    model.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
    return model.eval()
