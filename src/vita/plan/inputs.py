"""What a run starts from: table, scans and withdrawals of the user or the phantom cohort, and the shards of scans.

A run does not replace the results of other inputs by mistake.
"""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from vita.config.typed import Configuration
from vita.contouring.delivered import FILE, FOLDER

_COMPARED = ("source", "tables", "scans")  # a new list of withdrawals is applied to the existing results


@dataclass(frozen=True, eq=False)
class Inputs:
    """Inputs of a configuration."""

    config: Configuration

    @property
    def phantom(self) -> bool:
        """Whether the cohort is made up."""
        return bool(self.config["input"]["source"] == "phantom")

    @property
    def tables(self) -> list[str]:
        """UK Biobank's tables; none for a run from scans alone."""
        return ["results/phantom/table.csv"] if self.phantom else list(self.config["input"]["tables"])

    @property
    def scans(self) -> str:
        """Folder of the scans."""
        return "results/phantom/scans" if self.phantom else self.config["input"]["scans"] or ""

    @property
    def withdrawals(self) -> str | None:
        """The list of participants who withdrew."""
        return "results/phantom/withdrawals.csv" if self.phantom else self.config["input"]["withdrawals"]

    @property
    def tables_there(self) -> list[str]:
        """The tables as a rule's input."""
        return self.tables if self.phantom else existing(self.tables)

    @property
    def withdrawals_there(self) -> str | list[str]:
        """The list of withdrawals as a rule's input."""
        if self.withdrawals and not self.phantom:
            return existing([self.withdrawals])
        return self.withdrawals or []

    @property
    def withdrawals_argument(self) -> str:
        """The list of withdrawals as an argument."""
        return f"--withdrawals {shlex.quote(self.withdrawals)}" if self.withdrawals else ""

    @property
    def unlabelled(self) -> list[str]:
        """The list of those whose labels nobody knows, of a phantom cohort with a labelled part; none otherwise."""
        partly = self.phantom and self.config["phantom"]["labelled"] < 1
        return ["results/phantom/unlabelled.csv"] if partly else []

    @property
    def unlabelled_argument(self) -> str:
        """That list as an argument."""
        return " ".join(f"--unlabelled {path}" for path in self.unlabelled)

    @property
    def labelled_split(self) -> str:
        """The split of those with labels, for what learns or measures them: everybody's unless there is that list."""
        return "results/cohort/labelled.parquet" if self.unlabelled else "results/cohort/split.parquet"

    @property
    def absent(self) -> list[str]:
        """The user's own files that the configuration names and that do not exist."""
        named = [] if self.phantom else [*self.tables, *filter(None, [self.withdrawals])]
        return [path for path in named if not Path(path).exists()]

    @property
    def images(self) -> dict[str, object]:
        """Settings of the rules that read scans, without those by which the network for masks goes on learning."""
        images = self.config["images"]
        masks = {key: value for key, value in images["masks"].items() if key != "adapt"}
        return {**images, "masks": masks, "instance": self.config["cohort"]["instance"]}

    @property
    def makes_masks(self) -> bool:
        """Whether the run makes masks for scans that have none."""
        return bool(self.config["images"]["masks"].get("source", "files") != "files")

    @property
    def mask_images(self) -> dict[str, object]:
        """Settings of the rule that makes masks, which takes long: it does not run again for other crops or limits."""
        return {key: self.images[key] for key in ("masks", "instance", "max_file_mb")}

    @property
    def adapts(self) -> bool:
        """Whether the network for masks goes on learning on the cohort's scans before it draws."""
        return self.makes_masks and self.config["images"]["masks"]["adapt"]["steps"] > 0

    @property
    def adapt_images(self) -> dict[str, object]:
        """Settings of the rule by which it goes on learning."""
        return self.mask_images | {"masks": self.config["images"]["masks"]}

    @property
    def adapted(self) -> list[str]:
        """The resulting weights, which are kept with the run's models; none if it does not go on learning."""
        return [f"results/models/{FOLDER}/{FILE}"] if self.adapts else []

    def made_masks(self, shard: str) -> list[str]:
        """The table of the masks that the run made for a shard's scans; none where it makes none."""
        return [f"results/masks/scores/{shard}.parquet"] if self.makes_masks else []

    @property
    def shard_numbers(self) -> list[str]:
        """Shards by the names of their files."""
        return [f"{number:05d}" for number in range(self.config["images"]["shard_count"])]

    def shards(self, suffix: str) -> list[str]:
        """Files of all shards: `npz` for voxels, `parquet` for tables."""
        return [f"results/images/shards/{number}.{suffix}" for number in self.shard_numbers]


def existing(paths: list[str]) -> list[str]:
    """Those of the user's own files that exist: a dry run works without data, and the module names what is missing."""
    return [path for path in paths if Path(path).exists()]


def other_input(config: Configuration, recorded: Path) -> list[str]:
    """A message if the results folder holds a run on other data, which this run may not replace.

    Args:
        config: of this run.
        recorded: config.json of the run whose results exist; without one there is no message.
    """
    if config.get("replace_results") or not recorded.is_file():
        return []
    try:
        before = json.loads(recorded.read_text(encoding="utf-8"))["input"]
    except (ValueError, KeyError, TypeError):
        return [f"{recorded} is damaged, so that the data behind the results are unknown; move the folder away"]
    changed = [key for key in _COMPARED if _plain(before.get(key)) != _plain(config["input"].get(key))]
    return [
        f"config: 'input.{key}' is {json.dumps(config['input'].get(key))}, but {recorded.parent} holds a run on "
        f"{json.dumps(before.get(key))}, which this one would replace; run it in another folder (--directory), or give "
        "--config replace_results=true"
        for key in changed[:1]
    ]


def _plain(value: object) -> object:
    """Paths in one form; None and an empty list are the same."""
    if isinstance(value, list):
        return [_plain(each) for each in value] or None
    return str(Path(value).resolve()) if isinstance(value, str) else value
