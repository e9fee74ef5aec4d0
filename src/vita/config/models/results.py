"""The blocks of the configuration about what is compared, evaluated and released, and about models to apply."""

from typing import Annotated, Literal

from pydantic import Field

from vita.config.models.kinds import (
    Block,
    Count,
    Fraction,
    NonEmpty,
    Number,
    Positions,
    Positive,
    Rate,
    Share,
    Unique,
    unit,
)


class NnUnet(Block):
    """nnU-Net itself."""

    environment: NonEmpty = ".nnunet"
    """folder of its Python environment, which is made if it is missing; this needs a network"""
    views: Annotated[Unique[Literal["sa", "la_2ch", "la_4ch"]], Field(min_length=1)] = ["sa", "la_2ch", "la_4ch"]
    """views, each with a separate model; leave out views without reference masks"""
    planner: Literal["ExperimentPlanner", "nnUNetPlannerResEncM", "nnUNetPlannerResEncL", "nnUNetPlannerResEncXL"] = (
        "ExperimentPlanner"
    )
    """nnU-Net's planner: ExperimentPlanner, or nnUNetPlannerResEncM | L | XL"""
    gpu_memory_gb: Annotated[Positive | None, unit("GB")] = 0.25
    """GPU memory for which it plans the batch; null: nnU-Net's default"""
    epochs: Count = 10
    """epochs, each of as many batches as `iterations`"""
    iterations: Count = 50
    """training batches per epoch"""
    val_iterations: Count = 10
    """validation batches per epoch"""
    checkpoint_epochs: Count = 5
    """number of epochs between resumable states"""


class Ablations(Block):
    """Variants of Stages I and II."""

    run: bool = True
    """train one more model for each value in the lists below"""
    mask_ratios: Unique[Fraction] = [0.5, 0.9]
    """in addition to stage1.mask_ratio"""
    positions: Unique[Positions] = ["4d"]
    """in addition to model.positions"""
    views: Unique[Literal["sa", "la"]] = ["sa", "la"]
    """models that see a single view: sa, la"""
    frames: Unique[Count] = []
    """in addition to the frames of Stage I; table ablation_frames"""
    taus: Unique[Rate] = []
    """in addition to stage2.tau, each a separate Stage II; table ablation_alignment"""
    lambdas: Unique[Share] = []
    """in addition to stage2.lambda"""


class Privacy(Block):
    """What may leave."""

    cell: Annotated[int, Field(ge=10)] = 10
    """smallest number of people behind any number in results/release"""
    membership_auc: Annotated[float, Field(ge=0.5, le=1)] = 0.55
    """weights are released only if the upper bound of the AUC of every membership attack is at most this"""


class Evaluation(Block):
    """Intervals, significance, and the size of t-SNE figures."""

    bootstrap: Annotated[int, Field(ge=100)] = 1000
    """bootstrap resamples for the 95 % intervals"""
    significance: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """p below this gets ** in the tables"""
    tsne_participants: Annotated[int, Field(ge=10)] = 10000
    """largest number of participants in the t-SNE figures"""


class Apply(Block):
    """Trained models that are applied to another cohort."""

    models: NonEmpty | None = None
    """results/models of the run that trained them; null: this run trains"""
    people: Literal["auto", "everybody", "held_out"] = "auto"
    """held_out: only people whom that run certainly never used for training or selection, for another visit or release
    of the same cohort | everybody | auto: held_out if all ids have 7 digits, as in UK Biobank"""
    seed: Number | None = None
    """seed of that run's split"""
    tested: Share | None = None
    """share of all people who are certainly in that run's test split"""
