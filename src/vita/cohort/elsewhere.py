"""Whom trained models are judged by in another cohort: everybody, or those whom the training surely never used."""

import logging
from collections.abc import Mapping

import numpy as np
import polars as pl

from vita.cohort.reading import EID
from vita.cohort.split_table import share_of_each
from vita.config.typed import Apply
from vita.runtime.errors import UserError

LOG = logging.getLogger(__name__)
UKB_IDS = (1_000_000, 9_999_999)  # UK Biobank's ids have 7 digits


def surely_tested(split: Mapping[int, str], seed: int) -> float:
    """Share of everybody, in hundredths, that a split had surely in test, in whatever cohort of the same ids.

    Nobody whose number is below it was trained on, or chose an epoch or a threshold.

    Args:
        split: of every participant.
        seed: of the split.
    """
    eids = np.fromiter(split, np.int64, len(split))
    names = np.array(list(split.values()))
    others = share_of_each(eids[names != "test"], f"{seed} test")
    return float(np.floor(100 * others.min()) / 100) if others.size else 1.0


def judged_by(eids: np.ndarray, block: Apply) -> np.ndarray:
    """Who is judged by.

    Args:
        eids: (n,) participants of the cohort.
        block: `apply` of the configuration: `people`, and `seed` and `tested` of the split of the training.

    Returns:
        (n,) bool.

    Raises:
        UserError: no participant is left, or the models do not record their split.
    """
    people = block["people"]
    if people == "auto":
        of_ukb = bool(len(eids)) and bool(((eids >= UKB_IDS[0]) & (eids <= UKB_IDS[1])).all())
        people = "held_out" if of_ukb else "everybody"
        if of_ukb:
            LOG.info("all ids have 7 digits, as UK Biobank's: only those whom the training never used are judged by")
    if people == "everybody":
        return np.ones(len(eids), bool)
    if block["tested"] is None or block["seed"] is None:
        raise UserError(
            "config apply: the models do not record who was in their training; make their decisions.json again, or set "
            "apply.people to everybody if no participant of this cohort was in that training"
        )
    chosen = share_of_each(eids, f"{block['seed']} test") < block["tested"]
    if not chosen.any():
        surely = f"the {block['tested']:.0%} of ids that the training surely never used"
        if not block["tested"]:
            surely = "those whom the training surely never used: it kept no ids out of all its stages"
        raise UserError(
            f"config apply.people: none of {len(eids)} participants is among {surely}; if this cohort has other "
            "people, set apply.people to everybody"
        )
    return np.asarray(chosen)


def split_elsewhere(people: pl.DataFrame, block: Apply) -> pl.DataFrame:
    """`eid`, `split`: test for those who are judged by, and train for those who may have been trained on."""
    eids = people[EID].to_numpy()
    names = np.where(judged_by(eids, block), "test", "train")
    return pl.DataFrame({EID: eids, "split": names}).sort(EID)
