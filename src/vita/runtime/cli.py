"""What every `python -m vita.<package>.<module>` shares: settings, logging and errors of one line."""

import argparse
import difflib
import json
import logging
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from vita.runtime.atomic import disk_error, scratch_obstacles
from vita.runtime.errors import UserError

_ENDED_BY_PIPE = 128 + 13  # as the shell reports a program that SIGPIPE ended


def settings(text: str) -> dict[str, object]:
    """Read a `--settings` argument: a JSON object, or the path of a file that holds one, or of a config.yaml.

    Raises:
        argparse.ArgumentTypeError: the text is neither.
    """
    if not text.lstrip().startswith("{"):
        path = Path(text)
        if not path.is_file():
            raise argparse.ArgumentTypeError(f"{text!r} is neither a JSON object nor a file")
        text = path.read_text(encoding="utf-8")
        if path.suffix in (".yaml", ".yml"):
            return _of_yaml(text)
    try:
        read = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not a JSON object: {error}") from error
    if not isinstance(read, dict):
        raise argparse.ArgumentTypeError(f"not a JSON object, but a {type(read).__name__}")
    return read


def _of_yaml(text: str) -> dict[str, object]:
    import yaml  # start-up: only a call by hand names such a file

    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise argparse.ArgumentTypeError(f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(read, dict):
        raise argparse.ArgumentTypeError("not a file of keys and values")
    return read


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the nearest option where one is misspelt, without the whole usage."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As its parent, but keeps the arguments, which `error` needs and does not get."""
        self._given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """End with one line on stderr and exit code 2."""
        known = list(self._option_string_actions)
        for option in (text.partition("=")[0] for text in self._given if text.startswith("--") and text != "--"):
            if not any(each.startswith(option) for each in known):
                near = difflib.get_close_matches(option, known, n=1)
                message = f"unknown option {option}" + (f"; did you mean {near[0]}?" if near else "")
                break
        self.exit(2, f"error: {message}; `{self.prog} --help` lists the arguments\n")


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser whose `--help` shows the module's docstring as it is written, and every default."""

    class Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
        def _get_help_string(self, action: argparse.Action) -> str | None:
            return super()._get_help_string(action) if action.default else action.help

    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = f"python -m {spec.name}" if spec and spec.name.startswith("vita.") else None
    return Parser(prog=program, description=description, formatter_class=Formatter)


def named_files(pairs: Sequence[str], option: str) -> dict[str, Path]:
    """Arguments `name=file`, as a mapping; see `named`."""
    return {name: Path(file) for name, file in named(pairs, option).items()}


def named(pairs: Sequence[str], option: str, what: str = "file") -> dict[str, str]:
    """Arguments `name=value`, as a mapping.

    Args:
        pairs: the arguments.
        option: to which they belong, for the error.
        what: the values are, for the error.

    Raises:
        UserError: an argument has no equals sign.
    """
    for pair in pairs:
        if "=" not in pair:
            raise UserError(f"{option} {pair}: give name={what}")
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def make_folder(folder: Path, option: str) -> None:
    """Make a folder that a command writes to, before it computes what it will write.

    Raises:
        UserError: it is a file, or cannot be made or written to.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{option} {folder} is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{option} {folder}: the folder cannot be made ({error.strerror}); name another one") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"{option} {folder}: the folder may not be written to; name another one")


def add_samples(to: argparse.ArgumentParser) -> None:
    """Add `--shards` and `--split`: the participants' images, and which split each participant is in."""
    to.add_argument("--shards", type=Path, nargs="+", required=True, help="NNNNN.npz, a table beside each")
    to.add_argument("--split", type=Path, required=True, help="split.parquet")


def add_settings(to: argparse.ArgumentParser, what: str) -> None:
    """Add the `--settings` argument; `what` says which blocks of config.yaml it holds."""
    to.add_argument("--settings", type=settings, default={}, metavar="JSON|FILE", help=what)


def run(main: Callable[[list[str] | None], None], arguments: list[str] | None = None) -> None:
    """Run a module's `main`; a user error or a disk error is one line on stderr and exit code 1.

    Each job checks that its scratch folder exists, since a cluster's node may not have what the submitting machine has.
    If the reader of the output has gone, as in `vita list | head`, the command ends silently.
    """
    logging.basicConfig(
        level=os.environ.get("VITA_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    logging.getLogger("numexpr").setLevel(logging.WARNING)  # pandas imports it, and it logs its number of threads
    try:
        for message in scratch_obstacles():
            raise UserError(message)
        try:
            main(arguments)
        finally:
            sys.stdout.flush()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _reader_has_gone():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the rest of the output is discarded
            sys.exit(_ENDED_BY_PIPE)
        about_disk = disk_error(error, Path(error.filename or Path.cwd()))
        if about_disk is None:
            raise
        sys.exit(f"error: {about_disk}")


def _reader_has_gone() -> bool:
    """Whether standard output is a pipe whose reader has ended; those of worker processes do not count."""
    watch = select.poll()
    watch.register(sys.stdout.fileno(), select.POLLERR)
    return bool(watch.poll(0))
