"""The whole configuration: from it come the schema, `config.yaml`, the reference page and the defaults."""

from typing import Any, Literal, get_args

from pydantic import ConfigDict, Field

from vita.config.models.data import Cohort, Input, Labels, Phantom, Split, Tabular
from vita.config.models.finetuning import Stage3
from vita.config.models.images import Images, Phenotypes
from vita.config.models.kinds import Block, Seed, Unique
from vita.config.models.network import Network, Training
from vita.config.models.resources import Resources
from vita.config.models.results import Ablations, Apply, Evaluation, NnUnet, Privacy
from vita.config.models.stages import Stage1, Stage2
from vita.config.models.systems import SYSTEMS, Systems

Extension = Literal[
    "survival",
    "associations",
    "conformal",
    "label_efficiency",
    "any_part",
    "any_part_phenotypes",
    "reproducibility",
]


def _all_required(schema: dict[str, Any]) -> None:
    """The configuration is merged over `config.yaml`, so that a block or key that is missing was taken out."""
    schema["required"] = list(schema["properties"])


class Config(Block):
    """The whole configuration of a run, every key of which must be there."""

    model_config = ConfigDict(json_schema_extra=_all_required)

    seed: Seed = 2026
    """seeds everything: phantom, split, weights, batches"""
    seeds: Unique[Seed] = []
    """additional seeds: Stages I to III are trained once more with each, and tables show mean and SD over all"""
    input: Input = Field(default_factory=Input)
    products: Literal["all", "scans"] = "all"
    """all: every table and figure; scans: shards, phenotypes, Stage I reconstructions"""
    phantom: Phantom = Field(default_factory=Phantom)
    cohort: Cohort = Field(default_factory=Cohort)
    labels: Labels = Field(default_factory=Labels)
    split: Split = Field(default_factory=Split)
    images: Images = Field(default_factory=Images)
    phenotypes: Phenotypes = Field(default_factory=Phenotypes)
    tabular: Tabular = Field(default_factory=Tabular)
    model: Network = Field(default_factory=Network)
    training: Training = Field(default_factory=Training)
    """Where and how models are trained. Of these keys only `precision` changes what they learn, so that a change of it
    retrains."""
    stage1: Stage1 = Field(default_factory=Stage1)
    """Stage I: a masked autoencoder for images"""
    stage2: Stage2 = Field(default_factory=Stage2)
    """Stage II: alignment of images and table"""
    stage3: Stage3 = Field(default_factory=Stage3)
    """Stage III: a model per task. A task's settings override the defaults, and a system's `stage` overrides both."""
    systems: Systems = Field(default=SYSTEMS)
    """Systems and the tasks for which each is run. Stage III starts from `init`; null trains from scratch. A system
    with a `view` sees only that view, in every stage."""
    nnunet: NnUnet = Field(default_factory=NnUnet)
    """nnU-Net itself, if `systems` names it: nnunet: {tasks: [segmentation]}. It plans everything that is not set
    here."""
    ablations: Ablations = Field(default_factory=Ablations)
    """Variants of Stages I and II, each a separate model, for tables A.5 and A.6, figure B.9 and two further tables"""
    privacy: Privacy = Field(default_factory=Privacy)
    replace_results: bool = False
    """allow a run on other data (`input`) to replace existing results"""
    evaluation: Evaluation = Field(default_factory=Evaluation)
    apply: Apply = Field(default_factory=Apply)
    """Trained models that are applied to this cohort, instead of training new ones. `vita evaluate` fills this in."""
    extensions: Unique[Extension] = list(get_args(Extension))
    """tables and figures beyond the paper's: incident disease; associations of image features; conformal intervals;
    few labels; diseases and phenotypes from the image and any part of the table; agreement of seeds"""
    resources: Resources = Field(default_factory=Resources)
    """What each job requests. Under SLURM these are requests, and memory and time double with each attempt; on one
    machine, CPUs and GPUs limit how many jobs run in parallel. A row may leave out what equals the default."""
