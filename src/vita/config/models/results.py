"""The blocks of the configuration about what is computed from predictions, what may leave, and trained models."""

from typing import Annotated, Literal

from pydantic import Field

from vita.config.models.kinds import Block, NonEmpty, Number, Share


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
