"""Arguments of rules' commands, quoted for the shell."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence


def settings(seed: int, **blocks: object) -> str:
    """Config blocks, and the seed, for a module's --settings; a change in them reruns the rule.

    Names in braces within a text are written as JSON's escapes, since Snakemake would take them for wildcards.
    """
    text = json.dumps({"seed": seed, **blocks}, sort_keys=True)
    return shlex.quote(re.sub(r"\{(?=\s*\w)", r"\\u007b", text))


def options(files: Mapping[str, str]) -> str:
    """Files by the name of the option that takes each."""
    return " ".join(f"--{name} {shlex.quote(path)}" for name, path in files.items())


def init(folder: str | None) -> str:
    """The folder of weights that a training starts from; empty for training from scratch."""
    return f"--init {shlex.quote(folder)}" if folder else ""


def given(option: str, values: Sequence[str]) -> str:
    """An option with its values; empty if there are none."""
    return f"{option} {' '.join(map(shlex.quote, values))}" if values else ""


def weights(folder: str | None) -> str | list[str]:
    """The weights file of that folder, as an input of a rule."""
    return f"{folder}/model.safetensors" if folder else []


def titled(titles: Mapping[str, str]) -> str:
    """Names with their titles or rows, as `name=title`."""
    return " ".join(shlex.quote(f"{name}={title}") for name, title in titles.items())
