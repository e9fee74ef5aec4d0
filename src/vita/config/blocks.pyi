"""Types of `vita.config.blocks`, for mypy: the value that a key of `--settings` has, by the key's dotted name.

Written by `python -m vita.config.reference` from the models in src/vita/config/models: change those.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, overload

from vita.config.typed import (
    Adapt,
    Apply,
    Cohort,
    Configuration,
    Evaluation,
    Images,
    Input,
    Labels,
    Masks,
    Network,
    NnUnet,
    Phantom,
    Phenotypes,
    Privacy,
    QualityLimits,
    Split,
    Tabular,
    Training,
)

@overload
def needed(
    settings: Mapping[str, object],
    name: Literal[
        "seed",
        "phantom.participants",
        "phantom.batches",
        "phantom.frames",
        "phantom.sa_slices",
        "phantom.broken_scans",
        "phantom.withdrawn",
        "images.shard_count",
        "images.frames",
        "images.size",
        "images.masks.adapt.steps",
        "images.masks.adapt.people",
        "model.frames",
        "model.width",
        "model.heads",
        "model.depth",
        "model.decoder_depth",
        "model.tabular_depth",
        "model.projection",
        "model.head_width",
        "model.segmenter_hidden",
        "model.segmenter_feature",
        "model.segmenter_frames",
        "training.checkpoint_steps",
        "training.cache_mb",
        "training.workers",
        "training.keep_state_mb",
        "training.nodes",
        "nnunet.epochs",
        "nnunet.iterations",
        "nnunet.val_iterations",
        "nnunet.checkpoint_epochs",
        "privacy.cell",
        "evaluation.bootstrap",
        "evaluation.tsne_participants",
        "training.threads",
        "training.devices",
    ],
) -> int: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["input"]) -> Input: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["input.source"]) -> Literal["phantom", "files"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["input.tables", "images.quality.exclude"]) -> list[str]: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["input.withdrawals", "input.scans", "images.write_nifti", "apply.models"],
) -> str | None: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["phantom"]) -> Phantom: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["phantom.matrix", "model.patch"]) -> list[int]: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal[
        "phantom.pixel_mm",
        "phantom.sa_spacing_mm",
        "phantom.labelled",
        "cohort.max_contradictions",
        "split.val",
        "split.test",
        "images.max_excluded",
        "images.max_file_mb",
        "images.masks.command_timeout_s",
        "images.masks.adapt.sure",
        "training.not_learning_after",
        "privacy.membership_auc",
        "evaluation.significance",
    ],
) -> float: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["cohort"]) -> Cohort: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["cohort.instance", "images.instance"]) -> Literal[2, 3]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["cohort.cutoff"]) -> Literal["none", "imaging"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["cohort.missing_fields"]) -> Literal["error", "drop"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["cohort.cleaning"]) -> Literal["right", "paper"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["cohort.ethnicity"]) -> list[int] | None: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["cohort.implausible"]) -> Literal["keep", "missing"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["labels"]) -> Labels: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["labels.timing"],
) -> Literal["ever", "prevalent", "incident"]: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal[
        "labels.incident_years",
        "split.held_out",
        "images.resample_mm",
        "images.quality.pixel_mm",
        "images.quality.slice_gap_mm",
        "images.quality.few_frames",
        "images.quality.constant_frames",
        "images.quality.saturated",
        "images.quality.frame_jump",
        "images.quality.loose_parts",
        "images.quality.curve_jump",
        "images.quality.no_place",
        "images.quality.forms_apart_mm",
        "images.quality.small_lv_ml",
        "images.quality.large_lv_ml",
        "images.quality.mask_score",
        "nnunet.gpu_memory_gb",
        "apply.tested",
    ],
) -> float | None: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["labels.follow_up_end", "images.masks.command"],
) -> str | dict[str, str] | None: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["labels.no_record"]) -> Literal["exclude", "negative"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["labels.high_bp"]) -> Literal["any", "scan", "published"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["labels.codes"]) -> dict[str, list[str]]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["split"]) -> Split: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images"]) -> Images: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images.time"]) -> Literal["resample", "refuse"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images.sa_slices"]) -> Literal[6]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images.crop"]) -> Literal["center", "mask"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images.slices"]) -> Literal["even", "mask", "base"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images.quantize_bits", "apply.seed"]) -> int | None: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["images.intensity"],
) -> Literal["minmax", "minmax_joint", "percentile"]: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["images.required_views"],
) -> list[Literal["sa", "la_2ch", "la_3ch", "la_4ch"]]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images.quality"]) -> QualityLimits: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images.masks"]) -> Masks: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["images.masks.source"],
) -> Literal["files", "model", "both"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images.masks.adapt"]) -> Adapt: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["images.masks.adapt.cross_view"],
) -> Literal["none", "mask", "mean"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["images.masks.labels"]) -> dict[str, int] | None: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["phenotypes"]) -> Phenotypes: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["phenotypes.source"]) -> Literal["masks", "fields"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["phenotypes.ed"]) -> Literal["first", "largest"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["tabular"]) -> Tabular: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["tabular.impute"]) -> Literal["mean", "median"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["tabular.exclude"]) -> list[str] | dict[str, list[str]]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["model"]) -> Network: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["model.sampling"]) -> Literal["cycle", "ends"]: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["model.positions"],
) -> Literal["block", "interleaved", "4d"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["training"]) -> Training: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["training.device"]) -> Literal["auto", "cpu", "cuda"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["training.precision"]) -> Literal["32", "bf16", "fp16"]: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["training.not_learning"],
) -> Literal["warn", "stop", "ignore"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["training.compile", "training.tensorboard"]) -> bool: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["training.wandb", "nnunet.environment"]) -> str: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["nnunet"]) -> NnUnet: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["nnunet.views"],
) -> list[Literal["sa", "la_2ch", "la_4ch"]]: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["nnunet.planner"],
) -> Literal["ExperimentPlanner", "nnUNetPlannerResEncM", "nnUNetPlannerResEncL", "nnUNetPlannerResEncXL"]: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["privacy"]) -> Privacy: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["evaluation"]) -> Evaluation: ...
@overload
def needed(settings: Mapping[str, object], name: Literal["apply"]) -> Apply: ...
@overload
def needed(
    settings: Mapping[str, object],
    name: Literal["apply.people"],
) -> Literal["auto", "everybody", "held_out"]: ...
def check_complete(name: str, block: Mapping[str, object], keys: Iterable[str]) -> None: ...
def whole(**changes: object) -> Configuration: ...
def block(name: str, own: Mapping[str, object]) -> dict[str, object]: ...
