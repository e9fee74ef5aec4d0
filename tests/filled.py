"""Settings as the package reads them: the default run's, with own values."""

import json
from typing import Any

from vita.cohort.settings import CohortSettings, LabelSettings
from vita.config.blocks import block, whole
from vita.images.quality_rules import Quality
from vita.images.settings import ImageSettings
from vita.models.settings import ModelSettings
from vita.phantom.settings import PhantomSettings
from vita.plan.systems import training_blocks


def argument(**blocks: Any) -> str:
    """What a module's --settings takes: the named blocks, whole, with own values, and the seed."""
    config = whole(**blocks)
    return json.dumps({name: config[name] for name in ("seed", *blocks)})


# for modules that compute metrics and tables: their settings, as a rule gives them
EVALUATION = ["--settings", argument(seed=0, evaluation={}, phenotypes={})]


def model(**own: Any) -> ModelSettings:
    """Sizes of the networks."""
    config = whole()
    return ModelSettings.from_dict(training_blocks(config, config["stage1"])["model"] | own)


def image_block(**own: Any) -> dict[str, Any]:
    """The block `images` as the plan gives it to steps, with the visit of the scans."""
    return {"images": block("images", {"instance": 2, **own})}


def images(**own: Any) -> ImageSettings:
    """How scans are read."""
    return ImageSettings.from_dict(image_block(**own))


def quality(**own: Any) -> Quality:
    """Limits of quality control."""
    return images(quality=own).quality


def cohort(**own: Any) -> CohortSettings:
    """How features are taken from the table."""
    return CohortSettings.read({"cohort": block("cohort", own)})


def labels(**own: Any) -> LabelSettings:
    """Which diagnoses make a case."""
    return LabelSettings.read({"labels": block("labels", own)})


def phantom(seed: int = 2026, **own: Any) -> PhantomSettings:
    """The phantom cohort, labels of all known, with `rows` and `columns` beside the keys of the configuration."""
    config = block("phantom", {}) | {"labelled": 1}
    rows, columns = config["matrix"]
    config |= {"matrix": [own.pop("rows", rows), own.pop("columns", columns)], **own}
    return PhantomSettings.from_dict({"seed": seed, "phantom": config})
