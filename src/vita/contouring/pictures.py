"""Random pictures of sections: any turn, size and shape, and any contrast, so that real images are but one more kind.

Geometry: rotation, mirroring, scale by axis, shear, shift, and an elastic deformation, coarse and fine. Signals: blood,
muscle and everything around it are drawn anew for each picture, the surroundings in part replaced by random patches;
then flow in the blood and voids of it, dark spots (trabeculae, papillary muscles), dark rims of fat, coils, blur,
coarse pixels, noise and gamma. A slice is thick: its signal is the mean over layers, its classes
are those of the middle one.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vita.contouring.anatomy import (
    AIR_LIKE,
    FAT,
    FAT_OF_HEART,
    GREAT_VESSEL,
    LUNG_LIKE,
    MUSCLE_LIKE,
    PAPILLARY,
    RV_TRABECULA,
    THIN_WALL,
    TISSUES,
    VESSEL,
)
from vita.contouring.sections import MIDDLE, PIXEL_MM, PIXELS, Sections
from vita.contouring.worlds import DARK, MOST_FAT, WIDE, World
from vita.images.layout import LABP, LVBP, LVMYO, RABP, RVBP, VIEWS

GRID_MM, GRID = 2.0, 96  # of the pictures that the network sees
FINE = 2  # factor by which pictures are painted finer, so that borders have partial volumes
LOW, HIGH = 0.01, 0.99  # quantiles of an image that become 0 and 1
CLASSES = 6
SA_SHARE = 0.65
FIELDS, WINDOW = 24, 96  # of smooth random numbers, and how far a window of them may be shifted in pixels
PATCH_CELLS = (5, 8, 12, 18)  # patches of the surroundings: 38 to 11 mm
UPRIGHT = 0.6  # share of the pictures in about the convention's orientation; the others have any orientation
# Classes that a view's masks have, of which the rest is background there.
KEPT = {
    "sa": (LVBP, LVMYO, RVBP),
    "la_2ch": (LVBP, LVMYO, LABP),
    "la_3ch": (LVBP, LVMYO, LABP),
    "la_4ch": (LVBP, LVMYO, RVBP, LABP, RABP),
}


class Pictures:
    """An endless stream of random pictures with their classes.

    Args:
        sections: to paint.
        seed: of every random choice.
        world: of the signals.
    """

    def __init__(self, sections: Sections, seed: int, world: World = WIDE) -> None:
        self.world = world
        self.tissues = torch.from_numpy(sections.tissues_nlhw)
        self.views = torch.from_numpy(sections.views_n)
        self.random = torch.Generator().manual_seed(seed)
        self.fields: dict[int, Tensor] = {}
        self.begun: dict[int, tuple[int, Tensor]] = {}  # of each of the fields: its width, and the random state before
        keep = torch.zeros(len(VIEWS), TISSUES, dtype=torch.long)
        for number, view in enumerate(VIEWS):
            for name in KEPT[view]:
                keep[number, name] = name
            keep[number, PAPILLARY] = LVBP
            keep[number, RV_TRABECULA] = keep[number, RVBP]
        self.class_of = keep
        self.is_blood = torch.zeros(TISSUES, dtype=torch.bool)
        self.is_blood[[LVBP, RVBP, LABP, RABP, GREAT_VESSEL]] = True
        self.short = torch.nonzero(self.views == 0)[:, 0]
        self.long = torch.nonzero(self.views != 0)[:, 0]

    def batches(self, size: int, steps: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Pictures (size, GRID, GRID) in [0, 1], views (size,) and classes (size, GRID, GRID), so many times."""
        for _ in range(steps):
            yield self.batch(size)

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """One batch; see `batches`."""
        short = round(SA_SHARE * size)
        chosen = torch.cat(
            [
                part[torch.randint(len(part), (count,), generator=self.random)]
                for part, count in ((self.short, short), (self.long, size - short))
                if count and len(part)
            ]
        )
        views = self.views[chosen]
        layers = self._moved(self.tissues[chosen])
        signal = self._signal(layers)
        tissue = layers[:, MIDDLE].long()
        classes = self.class_of[views][torch.arange(len(chosen))[:, None, None], tissue]
        shares = F.avg_pool2d(F.one_hot(classes, CLASSES).permute(0, 3, 1, 2).float(), FINE)
        return self._scanned(F.avg_pool2d(signal[:, None], FINE)[:, 0]), views, shares.argmax(dim=1)

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.random)

    def _smooth(self, count: int, cells: int, size: int) -> Tensor:
        """(count, size, size) smooth random fields of unit spread at `cells` independent places along each axis.

        They are windows of a few larger fields, turned and mirrored: new ones for each picture take too long.
        """
        if cells not in self.fields:
            self._begin(cells, size)
        windows = torch.empty(count, size, size)
        for number in range(count):
            which, row, column, turn, sign = (
                int(torch.randint(n, (1,), generator=self.random)) for n in (FIELDS, WINDOW, WINDOW, 4, 2)
            )
            window = self.fields[cells][which, row : row + size, column : column + size]
            windows[number] = (1 - 2 * sign) * torch.rot90(window, turn)
        return windows

    def _begin(self, cells: int, size: int) -> None:
        """Draw the fields of which windows are taken."""
        whole = size + WINDOW
        self.begun[cells] = (size, self.random.get_state())
        coarse = torch.randn(FIELDS, 1, *[max(round(cells * whole / size), 2)] * 2, generator=self.random)
        self.fields[cells] = F.interpolate(coarse, (whole, whole), mode="bicubic", align_corners=True)[:, 0]

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is; the fields, which are large, by the random states that they were drawn from."""
        return {"random": self.random.get_state(), "begun": dict(self.begun)}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from there."""
        for cells, (size, before) in state_dict["begun"].items():
            self.random.set_state(before)
            self._begin(cells, size)
        self.random.set_state(state_dict["random"])

    def _moved(self, tissue_blhw: Tensor) -> Tensor:
        """Sections turned, stretched and bent, on the fine grid of a picture."""
        count, size = len(tissue_blhw), GRID * FINE
        upright = torch.rand(count, generator=self.random) < UPRIGHT
        angle = torch.where(
            upright, 0.45 * torch.randn(count, generator=self.random), self._uniform(-math.pi, math.pi, count)
        )
        mirror = torch.where(upright | (torch.rand(count, generator=self.random) < 0.5), 1.0, -1.0)
        scale = (
            self._uniform(math.log(0.78), math.log(1.3), count, 1).exp() * self._uniform(-0.13, 0.13, count, 2).exp()
        )
        shear = self._uniform(-0.2, 0.2, count)
        cos, sin = angle.cos(), angle.sin()
        turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
        skew = torch.stack(
            [torch.stack([mirror, shear], 1), torch.stack([torch.zeros(count), torch.ones(count)], 1)], 1
        )
        matrix = turn @ skew / scale[:, None]
        line = (torch.arange(size) + 0.5) / size * 2 - 1
        rows, columns = torch.meshgrid(line, line, indexing="ij")
        places = torch.stack([columns, rows], -1) * (GRID * GRID_MM / 2)  # mm from the middle
        shift = self._uniform(-34, 34, count, 1, 1, 2)
        places = torch.einsum("bij,hwj->bhwi", matrix, places) + shift
        for cells, spread in ((4, 9.0), (8, 3.5), (16, 1.2)):
            strength = self._uniform(0, spread, count, 1, 1, 1)
            fields = [self._smooth(count, cells, size) for _ in range(2)]
            places = places + strength * torch.stack(fields, -1) * 0.6
        index = (places / PIXEL_MM + (PIXELS - 1) / 2).round().long()
        outside = ((index < 0) | (index >= PIXELS)).any(-1)
        index = index.clamp(0, PIXELS - 1)
        where = (index[..., 1] * PIXELS + index[..., 0]).flatten(1)[:, None]
        flat = tissue_blhw.flatten(2)
        moved = flat.gather(2, where.expand(-1, flat.shape[1], -1)).view(count, -1, size, size)
        # a section that ends in the heart would have a straight border there
        return torch.where(outside[:, None] & (moved >= AIR_LIKE), AIR_LIKE, moved)

    def _signal(self, layers_blhw: Tensor) -> Tensor:
        """Signals for the tissues, blood around 0.5 to 1."""
        tissue_bhw = layers_blhw[:, MIDDLE]
        count, size = len(tissue_bhw), tissue_bhw.shape[-1]
        blood = self._uniform(0.5, 1.0, count)
        muscle = blood * self._uniform(0.12, 0.68, count)
        values = self._uniform(0, 1.2, count, TISSUES)
        values[:, 0] = 0.5
        values[:, LVBP], values[:, LVMYO] = blood, muscle
        for name in (RVBP, LABP, RABP, VESSEL, GREAT_VESSEL):
            values[:, name] = blood * self._uniform(0.8, 1.12, count)
        like_muscle = torch.rand(count, generator=self.random) < 0.7
        values[:, MUSCLE_LIKE] = torch.where(
            like_muscle, muscle * self._uniform(0.85, 1.2, count), values[:, MUSCLE_LIKE]
        )
        seen = self._uniform(0, 1.0, count) * (torch.rand(count, generator=self.random) < 0.85)
        if self.world.dark_muscles:
            dark = torch.rand(count, generator=self.random) < self.world.dark_muscles
            seen = torch.where(dark, self._uniform(*DARK, count), seen)
        for name in (PAPILLARY, RV_TRABECULA):
            values[:, name] = blood + (muscle - blood) * seen
        values[:, THIN_WALL] = muscle * self._uniform(0.8, 1.3, count)
        dark = torch.rand(count, generator=self.random) < 0.7
        values[:, LUNG_LIKE] = torch.where(dark, self._uniform(0, 0.25, count), values[:, LUNG_LIKE])
        values[:, AIR_LIKE] = torch.where(dark, self._uniform(0, 0.15, count), values[:, AIR_LIKE])
        if self.world.bright_fat:
            bright = torch.rand(count, generator=self.random) < self.world.bright_fat
            values[:, FAT] *= torch.where(bright, self._uniform(1, MOST_FAT, count), 1.0)
        signal = values.gather(1, layers_blhw.flatten(1).long()).view(layers_blhw.shape).mean(dim=1)
        signal = self._rimmed(self._patched(signal, tissue_bhw), tissue_bhw)
        in_blood = self.is_blood[tissue_bhw.long()]
        flow = 1 + self._uniform(0, 0.12, count, 1, 1) * self._smooth(count, 6, size)
        faint = self._smooth(count, 10, size) > self._uniform(1.0, 4.0, count, 1, 1)
        voids = faint * self._uniform(0, 0.6, count, 1, 1)
        signal = torch.where(in_blood, signal * flow * (1 - voids), signal)
        return self._spotted(signal, in_blood, muscle)

    def _rimmed(self, signal_bhw: Tensor, tissue_bhw: Tensor) -> Tensor:
        """Dark lines between fat and water, where both share a pixel out of phase; in some of the pictures."""
        fat = ((tissue_bhw == FAT_OF_HEART) | (tissue_bhw == FAT)).float()[:, None]
        rim = (F.max_pool2d(fat, 3, 1, 1) + F.max_pool2d(-fat, 3, 1, 1))[:, 0]
        depth = self._uniform(-0.8, 0.8, len(fat), 1, 1).clamp_min(0)
        return signal_bhw * (1 - depth * rim)

    def _patched(self, signal_bhw: Tensor, tissue_bhw: Tensor) -> Tensor:
        """Surroundings in part replaced by patches of a few values, and with a texture."""
        count, size = len(signal_bhw), signal_bhw.shape[-1]
        patches = torch.empty_like(signal_bhw)
        for number in range(count):
            cells = PATCH_CELLS[int(torch.randint(len(PATCH_CELLS), (1,), generator=self.random))]
            kinds = int(torch.randint(3, 9, (1,), generator=self.random))
            field = self._smooth(1, cells, size)[0]
            levels = torch.linspace(-1.2, 1.2, kinds - 1)
            patches[number] = self._uniform(0, 1.2, kinds)[torch.bucketize(field, levels)]
        amount = self._uniform(-2.2, 1.2, count, 1, 1)  # of some pictures all, of others nothing is replaced
        replaced = (tissue_bhw >= AIR_LIKE) & (tissue_bhw <= FAT) & (self._smooth(count, 5, size) < amount)
        texture = self._uniform(0, 0.12, count, 1, 1) * self._smooth(count, 40, size)
        signal = torch.where(replaced, patches, signal_bhw)
        return torch.where(tissue_bhw >= AIR_LIKE, signal * (1 + texture), signal)

    def _spotted(self, signal_bhw: Tensor, in_blood: Tensor, muscle_b: Tensor) -> Tensor:
        """Dark spots in the blood, as trabeculae and papillary muscles are."""
        count, size = len(signal_bhw), signal_bhw.shape[-1]
        field = self._smooth(count, 26, size) + 0.5 * self._smooth(count, 48, size)
        spots = in_blood & (field > self._uniform(1.3, 3.5, count, 1, 1))
        depth = self._uniform(0.2, 1.0, count, 1, 1)
        return torch.where(spots, signal_bhw + (muscle_b[:, None, None] - signal_bhw) * depth, signal_bhw)

    def _scanned(self, signal_bhw: Tensor) -> Tensor:
        """Blur, coarse pixels, coils, noise, robust range and gamma; in [0, 1]."""
        count, size = len(signal_bhw), signal_bhw.shape[-1]
        signal = torch.stack([self._blurred(one) for one in signal_bhw])
        signal = signal * (self._uniform(0, self.world.coils, count, 1, 1) * self._smooth(count, 3, size)).exp()
        noise = self._uniform(0, 0.07, count, 1, 1) * torch.randn(signal.shape, generator=self.random)
        ranged = robust_range(signal + noise)
        return ranged ** self._uniform(math.log(0.65), math.log(1.5), count, 1, 1).exp()

    def _blurred(self, signal_hw: Tensor) -> Tensor:
        image = signal_hw[None, None]
        if torch.rand(1, generator=self.random) < 0.25:  # pixels of 2 to 4 mm
            coarse = max(int(GRID * float(self._uniform(0.5, 1.0, 1))), 8)
            image = F.interpolate(image, (coarse, coarse), mode="area")
            image = F.interpolate(image, signal_hw.shape, mode="bilinear", align_corners=False)
        sd = float(self._uniform(0.2, 1.1, 1))
        offsets = torch.arange(-3, 4).float()
        kernel = torch.exp(-0.5 * (offsets / sd) ** 2)
        kernel = kernel / kernel.sum()
        padded = F.pad(image, (3, 3, 3, 3), mode="replicate")
        blurred = F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, 7)), kernel.view(1, 1, 7, 1))
        return blurred[0, 0]


def robust_range(images_nhw: Tensor) -> Tensor:
    """Images between their 1st and 99th percentile as 0 and 1; a constant image becomes 0."""
    flat = images_nhw.flatten(1)
    limits = np.quantile(flat.numpy(), (LOW, HIGH), axis=1)  # by partition; torch sorts, which takes longer
    low, high = torch.from_numpy(limits.astype(np.float32))[..., None, None]
    return stretched(images_nhw, low, high)


def stretched(images_nhw: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Images between these values as 0 and 1."""
    return ((images_nhw - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)
