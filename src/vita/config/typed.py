"""A checked configuration as typed dictionaries, for mypy: a block each, with its keys and their types.

Written by `python -m vita.config.reference` from the models in src/vita/config/models: change those. A block that a
configuration may give in part, such as the settings of a task, has keys that may be missing.
"""

from typing import Literal, TypedDict


class Input(TypedDict):
    """Where the data come from."""

    source: Literal["phantom", "files"]
    tables: list[str]
    withdrawals: str | None
    scans: str | None


class Phantom(TypedDict):
    """The built-in cohort."""

    participants: int
    batches: int
    matrix: list[int]
    pixel_mm: float
    frames: int
    sa_slices: int
    sa_spacing_mm: float
    broken_scans: int
    withdrawn: int
    labelled: float


class Cohort(TypedDict):
    """How features are taken from the table."""

    instance: Literal[2, 3]
    cutoff: Literal["none", "imaging"]
    missing_fields: Literal["error", "drop"]
    cleaning: Literal["right", "paper"]
    ethnicity: list[int] | None
    max_contradictions: float
    implausible: Literal["keep", "missing"]


class Labels(TypedDict):
    """Which diagnoses make a case."""

    timing: Literal["ever", "prevalent", "incident"]
    incident_years: float | None
    follow_up_end: str | dict[str, str] | None
    no_record: Literal["exclude", "negative"]
    high_bp: Literal["any", "scan", "published"]
    codes: dict[str, list[str]]


class Split(TypedDict):
    """How participants are divided, once for every stage and task."""

    val: float
    test: float
    held_out: float | None


class QualityLimits(TypedDict):
    """Limits of quality control."""

    pixel_mm: float | None
    slice_gap_mm: float | None
    few_frames: float | None
    constant_frames: float | None
    saturated: float | None
    frame_jump: float | None
    loose_parts: float | None
    curve_jump: float | None
    no_place: float | None
    forms_apart_mm: float | None
    small_lv_ml: float | None
    large_lv_ml: float | None
    mask_score: float | None
    exclude: list[str]


class Adapt(TypedDict):
    """Learning of the network for masks on the cohort's own scans, before it draws."""

    steps: int
    people: int
    sure: float
    cross_view: Literal["none", "mask", "mean"]


class Masks(TypedDict):
    """Where masks come from, and under the name of a view its files of reference masks."""

    source: Literal["files", "model", "both"]
    command: str | dict[str, str] | None
    command_timeout_s: float
    adapt: Adapt
    labels: dict[str, int] | None


class Images(TypedDict):
    """How scans are read, cropped and stored."""

    shard_count: int
    frames: int
    time: Literal["resample", "refuse"]
    size: int
    sa_slices: Literal[6]
    crop: Literal["center", "mask"]
    slices: Literal["even", "mask", "base"]
    resample_mm: float | None
    quantize_bits: int | None
    intensity: Literal["minmax", "minmax_joint", "percentile"]
    required_views: list[Literal["sa", "la_2ch", "la_3ch", "la_4ch"]]
    max_excluded: float
    max_file_mb: float
    write_nifti: str | None
    quality: QualityLimits
    masks: Masks


class Phenotypes(TypedDict):
    """How phenotypes are measured."""

    source: Literal["masks", "fields"]
    ed: Literal["first", "largest"]


class Tabular(TypedDict):
    """How the table is encoded."""

    impute: Literal["mean", "median"]
    exclude: list[str] | dict[str, list[str]]


class Network(TypedDict):
    """Sizes of the networks."""

    frames: int
    sampling: Literal["cycle", "ends"]
    patch: list[int]
    width: int
    heads: int
    depth: int
    decoder_depth: int
    tabular_depth: int
    projection: int
    head_width: int
    segmenter_hidden: int
    segmenter_feature: int
    segmenter_frames: int
    positions: Literal["block", "interleaved", "4d"]


class Training(TypedDict):
    """Where and how models are trained."""

    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["32", "bf16", "fp16"]
    checkpoint_steps: int
    cache_mb: int
    workers: int
    keep_state_mb: int
    not_learning: Literal["warn", "stop", "ignore"]
    not_learning_after: float
    nodes: int
    compile: bool
    tensorboard: bool
    wandb: str


class Stage1(TypedDict):
    """The masked autoencoder for images."""

    init: str | None
    epochs: int
    budget_s: float | None
    batch: int
    lr: float
    warmup_epochs: float
    weight_decay: float
    frames: int | None
    sections: Literal["one", "cycle", "mixed"]
    mask_ratio: float
    loss: Literal["masked", "all"]
    schedule: Literal["cosine", "constant"]
    select: Literal["loss", "metric"]
    augment: bool
    rotation_degrees: float
    contrast: float
    flip: bool
    autocontrast: bool
    optimizer: Literal["adamw", "adam", "muon"]
    clip: float
    checkpointing: bool


Stage2 = TypedDict(
    "Stage2",
    {
        "init": str | None,
        "epochs": int,
        "budget_s": float | None,
        "batch": int,
        "lr": float,
        "warmup_epochs": float,
        "weight_decay": float,
        "frames": int | None,
        "sections": Literal["one", "cycle", "mixed"],
        "mask_ratio": float,
        "tau": float,
        "lambda": float,
        "denominator": Literal["row", "equation3"],
        "class_token": bool,
        "projector": Literal["plain", "batchnorm"],
        "chunk": int,
        "schedule": Literal["cosine", "constant"],
        "augment": bool,
        "rotation_degrees": float,
        "contrast": float,
        "flip": bool,
        "autocontrast": bool,
        "optimizer": Literal["adamw", "adam", "muon"],
        "clip": float,
        "checkpointing": bool,
    },
)


class FineTuning(TypedDict, total=False):
    """Settings of one model of Stage III; where they are a task's or a system's, only the keys that are given count."""

    epochs: int
    budget_s: float | None
    batch: int
    lr: float
    encoder_lr_scale: float
    warmup_epochs: float
    weight_decay: float
    patience: int
    frames: int | None
    pooling: Literal["mean", "flatten", "cls", "plane"]
    head: Literal["mlp", "ridge"]
    through: list[Literal["sa_phenotypes", "la_phenotypes", "physiological"]]
    start: Literal["sa_phenotypes", "la_phenotypes", "physiological"] | None
    sections: Literal["one", "cycle", "mixed"]
    schedule: Literal["cosine", "constant"]
    select: Literal["loss", "metric"]
    rectify: bool
    imbalance: Literal["weights", "double", "focal", "sampling", "none"]
    augment: bool
    rotation_degrees: float
    contrast: float
    flip: bool
    autocontrast: bool
    optimizer: Literal["adamw", "adam", "muon"]
    clip: float
    checkpointing: bool
    loss: Literal["mse", "l1", "huber", "dice_ce", "dice"]
    probe_epochs: int
    dp: dict[str, float] | None


class Stage3(TypedDict):
    """A model per task."""

    init: str | None
    defaults: FineTuning
    tasks: dict[str, FineTuning]


class System(TypedDict, total=False):
    """A system and the tasks for which it is run."""

    init: Literal[None, "stage1", "stage2"]
    view: Literal[None, "sa", "la"]
    individual: bool
    tasks: list[str]
    stage: FineTuning


class NnUnet(TypedDict):
    """nnU-Net itself."""

    environment: str
    views: list[Literal["sa", "la_2ch", "la_4ch"]]
    planner: Literal["ExperimentPlanner", "nnUNetPlannerResEncM", "nnUNetPlannerResEncL", "nnUNetPlannerResEncXL"]
    gpu_memory_gb: float | None
    epochs: int
    iterations: int
    val_iterations: int
    checkpoint_epochs: int


class Ablations(TypedDict):
    """Variants of Stages I and II."""

    run: bool
    mask_ratios: list[float]
    positions: list[Literal["block", "interleaved", "4d"]]
    views: list[Literal["sa", "la"]]
    frames: list[int]
    taus: list[float]
    lambdas: list[float]


class Privacy(TypedDict):
    """What may leave."""

    cell: int
    membership_auc: float


class Evaluation(TypedDict):
    """Intervals, significance, and the size of t-SNE figures."""

    bootstrap: int
    significance: float
    tsne_participants: int


class Apply(TypedDict):
    """Trained models that are applied to another cohort."""

    models: str | None
    people: Literal["auto", "everybody", "held_out"]
    seed: int | None
    tested: float | None


class Job(TypedDict, total=False):
    """What a job requests; a key that a row leaves out is that of `resources.default`."""

    mem_mb: int
    mem_mb_per_gb: float
    runtime_min: int
    runtime_min_per_gb: float
    cpus: int
    gpus: int


class Resources(TypedDict):
    """Partitions, limits, and what each job requests."""

    partition: str | None
    gpu_partition: str | None
    account: str | None
    constraint: str | None
    gpu_type: str | None
    max_mem_mb: int | None
    max_runtime_min: int | None
    default: Job
    rules: dict[str, Job]


class Configuration(TypedDict):
    """The whole configuration of a run, every key of which must be there."""

    seed: int
    seeds: list[int]
    input: Input
    products: Literal["all", "scans"]
    phantom: Phantom
    cohort: Cohort
    labels: Labels
    split: Split
    images: Images
    phenotypes: Phenotypes
    tabular: Tabular
    model: Network
    training: Training
    stage1: Stage1
    stage2: Stage2
    stage3: Stage3
    systems: dict[str, System]
    nnunet: NnUnet
    ablations: Ablations
    privacy: Privacy
    replace_results: bool
    evaluation: Evaluation
    apply: Apply
    extensions: list[str]
    resources: Resources
