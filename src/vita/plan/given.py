"""The configuration on Snakemake's command line, read before Snakemake reads it and ends a mistake in a traceback.

workflow/profiles/default calls this: Snakemake opens its profile before anything that the command line names.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TypeVar

from vita.plan.checking import read_given, read_key
from vita.runtime.errors import UserError

T = TypeVar("T")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w-]*\w")  # what Snakemake takes for the name of a key
_SUFFIXES = (".yaml", ".yml", ".json")


def exit_if_wrong(arguments: list[str]) -> None:
    """End Snakemake with one line if its command line names a configuration that cannot be read.

    Args:
        arguments: of the command line, without the program.
    """
    try:
        check_given(arguments)
    except UserError as error:
        sys.exit(f"error: {error}")


def check_given(arguments: list[str]) -> None:
    """Read the files after `--configfile` and the keys after `--config`, and look at the folder after `--directory`.

    Args:
        arguments: of the command line, without the program; those that are about something else are ignored.

    Raises:
        UserError: a file is missing or cannot be read, a key is not KEY=VALUE, or an option or a key is
            there twice, or the folder cannot be one.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="append", default=[], type=Path)
    parser.add_argument("--config", "-C", nargs="*", action="append", default=[])
    parser.add_argument("--directory", "-d", type=Path)
    given, _ = parser.parse_known_args(arguments[:end])
    for path in once("--configfile", given.configfile):
        if path.suffix not in _SUFFIXES and not path.exists():
            raise UserError(
                f"--configfile names {path}, which is no configuration; write targets before --configfile, or after --"
            )
        read_given(path)
    names = [_checked_name(text) for text in once("--config", given.config)]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--config names {name} {names.count(name)} times; write it once")
    if given.directory:
        _check_directory(given.directory)


def _check_directory(folder: Path) -> None:
    """A folder that is there, into which the workflow itself looks, or that Snakemake can make."""
    above = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not above.is_dir():
        raise UserError(f"--directory names {folder}, but {above} is a file; name a folder")
    if above != folder and not os.access(above, os.W_OK):
        raise UserError(f"--directory names {folder}, but you may not write to {above}; name another folder")


def once(option: str, groups: list[list[T]]) -> list[T]:
    """The values of an option that takes several; Snakemake would use those of its last place alone.

    Raises:
        UserError: the option is there more than once.
    """
    if len(groups) > 1:
        raise UserError(f"{option} is there {len(groups)} times; write it once, with all its values after it")
    return groups[0] if groups else []


def _checked_name(text: str) -> str:
    """The name of a key that Snakemake can read; whether the configuration has it is for its schema to say."""
    (name,) = read_key(text)
    if "." in name:
        first, *blocks, key = name.split(".")
        value = (
            f"{first}={{{''.join(f'{each}: {{' for each in blocks)}{key}: {text.partition('=')[2]}}}{'}' * len(blocks)}"
        )
        raise UserError(f"--config got {text!r}; write a key within a block as '{value}', in quotes")
    if not _IDENTIFIER.fullmatch(name):
        raise UserError(f"--config got {text!r}; a key begins with a letter and has at least two characters")
    return name
