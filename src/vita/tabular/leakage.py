"""The leakage switch: which features are kept out of Stage II for which task of Stage III.

`tabular.exclude` is a list, kept out for every task, or one list per task (`diseases` means all six):

    exclude: {diseases: [diagnoses, medication], sa_phenotypes: [sa_phenotypes]}

Tasks with the same list share one encoding and one Stage II; tasks without a list use the usual ones.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

Exclude = Sequence[str] | Mapping[str, Sequence[str]]
_LONGEST = 60  # characters; file systems allow 255 for a whole name


def excluded(exclude: Exclude, task: str | None = None) -> list[str]:
    """Features and groups kept out of Stage II for a task, sorted.

    Args:
        exclude: the config's `tabular.exclude`.
        task: a task of Stage III; None for the Stage II that serves tasks without a list of their own.
    """
    if not isinstance(exclude, Mapping):
        return sorted(set(exclude))
    keys = [task, "diseases"] if task and task.startswith("disease_") else [task]
    return sorted({name for key in keys if key for name in exclude.get(key, ())})


def suffix(exclude: Exclude, task: str | None = None) -> str:
    """The suffix of a task's encoding and Stage II in paths: empty, or `_without_` and what is kept out."""
    own = excluded(exclude, task)
    if own == excluded(exclude):
        return ""
    name = "_without_" + "_".join(re.sub("[^a-z0-9]+", "_", each.lower()) for each in own)
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}_{hashlib.sha256(' '.join(own).encode()).hexdigest()[:8]}"


def exclusions(exclude: Exclude, tasks: Sequence[str]) -> dict[str, list[str]]:
    """What is kept out of each encoding that some task needs, by suffix; the usual one is always among them."""
    return {suffix(exclude, task): excluded(exclude, task) for task in (None, *tasks)}
