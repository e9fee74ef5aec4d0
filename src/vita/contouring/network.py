"""The network, a U-Net over single frames that is given the view as an input, and its weights as delivered.

Four neighbouring pixels are channels of one place, which takes a third of the time and costs little accuracy at
borders.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vita.contouring.delivered import WEIGHTS
from vita.contouring.pictures import CLASSES
from vita.images.layout import STRUCTURES, VIEWS
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

FEATURES = (32, 48, 96, 160, 160, 32)
LEAST_DICE = 0.65  # on random pictures of hearts not learnt on; structures below are not drawn
STEP = 2  # pixels along each axis that become channels


class Contours(nn.Module):
    """Logits of the classes of `images.layout` for single images.

    Args:
        features: channels of the U-Net from the widest level down, and of the last one up.
    """

    def __init__(self, features: tuple[int, ...] = FEATURES) -> None:
        super().__init__()
        from monai.networks.nets.basic_unet import BasicUNet  # start-up

        self.known: tuple[int, ...] = tuple(STRUCTURES.values())  # structures that it has learnt to draw
        self.unet = BasicUNet(2, STEP**2 + len(VIEWS), STEP**2 * CLASSES, features=features)

    def forward(self, images_nhw: Tensor, views_n: Tensor) -> Tensor:
        """Logits (n, CLASSES, height, width).

        Args:
            images_nhw: in [0, 1], pixels of `pictures.GRID_MM`, height and width multiples of 32.
            views_n: numbers of views in `images.layout.VIEWS`.
        """
        parts = F.pixel_unshuffle(images_nhw[:, None], STEP)
        views = F.one_hot(views_n, len(VIEWS)).to(parts.dtype)[..., None, None].expand(-1, -1, *parts.shape[2:])
        logits: Tensor = F.pixel_shuffle(self.unet(torch.cat([parts, views], dim=1)), STEP)
        return logits


def save(network: Contours, path: Path, facts: dict[str, str]) -> None:
    """Write the weights as 16-bit floats, with facts about them, as safetensors."""
    weights = {name: value.detach().half().contiguous() for name, value in network.state_dict().items()}
    with replacing(path) as part:
        save_file(weights, part, metadata=facts)


def load(path: Path = WEIGHTS) -> Contours:
    """The trained network, ready to predict.

    Raises:
        UserError: the file is missing or holds something else.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; install the package again, or train: python -m vita.contouring.train")
    network = Contours()
    try:
        weights = {name: value.float() for name, value in load_file(path).items()}
        network.load_state_dict(weights)
        facts = facts_of(path)
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{path}: not the weights of this network ({str(error).splitlines()[0]})") from error
    learnt = {name: float(facts.get(f"dice {name}", 0)) for name in STRUCTURES}
    network.known = tuple(STRUCTURES[name] for name, dice in learnt.items() if dice >= LEAST_DICE)
    return network.eval()


def facts_of(path: Path = WEIGHTS) -> dict[str, str]:
    """What was written beside the weights: seed, steps, Dice on synthetic images."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})
