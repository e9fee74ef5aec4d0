"""What every stage does around its training: open the data, describe the run, load initial weights, write the
results.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import torch
from torch import nn

from vita.cohort.split_table import read_split, split_hash
from vita.images.shards import ShardReader
from vita.models.image_encoder import ImageEncoder
from vita.models.settings import ModelSettings
from vita.models.weights import ABSENT, WEIGHTS, load_if_fits, load_part
from vita.runtime import fingerprint
from vita.runtime.digest import code_digest
from vita.runtime.errors import UserError
from vita.runtime.state import Identity
from vita.training import records
from vita.training.checkpoint import release_state
from vita.training.data import Samples
from vita.training.device import prepare
from vita.training.settings import Settings, Stage, read_settings, without_budget

if TYPE_CHECKING:  # they import Lightning, which takes seconds and 250 MB, and only a training needs them
    from vita.training.learner import Learner
    from vita.training.loop import Fitted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """An open run of a stage.

    Attributes:
        name: of the entry module, such as "stage1".
        settings: checked settings.
        model: checked sizes.
        reader: shards.
        split: of every participant.
        device: to compute on.
    """

    name: str
    settings: Settings
    model: ModelSettings
    reader: ShardReader
    split: pd.Series
    device: torch.device

    def samples(
        self,
        names: Sequence[str],
        purpose: Literal["fit", "predict"] = "fit",
        masks: bool = False,
        cached: bool = True,
    ) -> Samples:
        """Samples of some splits, read in advance if they are to be `cached` and fit; a mask belongs to one section."""
        cache_mb = self.settings.training.cache_mb if cached else 0
        choice = "one" if masks else self.settings.stage.sections
        return Samples(self.reader, self.split, names, purpose, self.model, cache_mb, masks, choice)

    def samples_of_masks(self, name: str) -> Samples:
        """Samples of a split for fitting a segmenter, with new frames drawn in every step.

        Raises:
            UserError: nobody in the split has a mask.
        """
        eids = self.split.index[self.split == name]
        known = self.reader.table.set_index("eid")["has_masks"].reindex(eids)
        if not known.eq(True).any():
            raise UserError(
                f"nobody in the split {name} has a reference mask, so segmentation cannot be trained; add "
                "masks to the scans ('images.masks' names their files), or take segmentation out of 'systems'"
            )
        cache_mb = self.settings.training.cache_mb
        return Samples(self.reader, self.split, [name], "fit", self.model, cache_mb, masks=True, choice="masks")

    def whole_cycles(self, name: str) -> Samples:
        """Samples of a split with all frames of the cycle and their masks, read when they are needed, for making
        masks.
        """
        return Samples(self.reader, self.split, [name], "predict", self.model, 0, masks=True, choice="whole")

    def identity(self, train: Samples, validate: Samples, **digests: str) -> Identity:
        """Configuration, data and code; a state with another configuration or other data is not resumed."""
        fingerprint = split_hash(self.split.index, self.split)
        data = {"train": train.digest(), "val": validate.digest(), "split": fingerprint, **digests}
        own = without_budget(vars(self.settings.stage))
        stage = {"lambda" if key == "lam" else key: value for key, value in own.items()}
        return {
            "name": self.name,
            "settings": {
                "seed": self.settings.seed,
                "precision": self.settings.training.precision,
                "model": self.model.to_dict(),
                "stage": stage,
            },
            "data": data,
            "code": code_digest(f"vita.training.{self.name}"),
        }

    def start_encoder(self, encoder: ImageEncoder, folder: Path) -> str:
        """Fill an image encoder from a folder of Stage I, Stage II or an import, and return the file's digest.

        Raises:
            UserError: the folder holds no image encoder, or one of other sizes.
        """
        load_part(encoder, folder, "image_encoder", self.model)
        return file_digest(folder / WEIGHTS)

    def start_rest(self, parts: Mapping[str, nn.Module], folder: Path) -> list[str]:
        """Fill further parts of a model from a folder if it has them and they fit.

        Args:
            parts: modules by the names of their parts.
            folder: as in `start_encoder`.

        Returns:
            Names of the parts that are filled.
        """
        started = []
        for part, module in parts.items():
            reason = load_if_fits(module, folder, part, self.model, ("decoder_heads",) if part == "decoder" else ())
            if reason is None:
                log.info("%s: its %s is used too", folder, part)
                started.append(part)
            elif reason != ABSENT:
                log.warning("%s: its %s does not fit and starts from scratch: %s", folder, part, reason)
        return started

    def write(self, folder: Path, learner: "Learner", fitted: "Fitted", **more: object) -> None:
        """Write model.safetensors, history.csv and, last, config.json; then a large state is deleted.

        A stage calls this when its other outputs are on disk.
        """
        from vita.training.watchdog import has_learned, trivial_loss  # start-up: Lightning

        records.write_model(folder / WEIGHTS, learner.model.state_dict())
        records.write_history(folder / "history.csv", fitted.progress.history)
        record: dict[str, Any] = {
            **fitted.identity,
            "model": self.model.to_dict(),
            "training": vars(self.settings.training),
            "split_hash": fitted.identity["data"]["split"],
            "seed": self.settings.seed,
            "parameters": sum(parameter.numel() for parameter in learner.model.parameters()),
            "participants": dict(self.split.value_counts().sort_index().items()),
            "best_epoch": fitted.progress.best_epoch,
            "best_val_loss": fitted.progress.best_loss,
            "trivial_val_loss": trivial_loss(fitted.progress),
            "learned": has_learned(fitted.progress),
            "steps": fitted.progress.step,
            "seconds": round(fitted.progress.seconds, 2),
            **({"epochs": fitted.progress.epochs} if fitted.progress.epochs else {}),
            **records.surroundings(self.device),
            **more,
        }
        records.write_config(folder / "config.json", record)
        release_state(fitted.state, self.settings.training.keep_state_mb)


def open_session(name: Stage, shards: Sequence[Path], split: Path, blocks: Mapping[str, object]) -> Session:
    """Check the settings, set the seed, and open the shards and the split.

    Raises:
        UserError: settings, shards or split are not usable.
    """
    settings = read_settings(name, blocks)
    model = ModelSettings.from_dict(settings.model)
    device = prepare(settings)
    return Session(name, settings, model, ShardReader(shards), read_split(split), device)


def file_digest(path: Path) -> str:
    """Digest of a file's bytes."""
    return fingerprint.of_file(path)
