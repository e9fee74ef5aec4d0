"""The installed command `vita`: checks before a run, new scans, audits, and what is in a results folder.

    vita check      whether a run can start, what it will train, and for how long
    vita predict    phenotypes, disease probabilities and masks for new scans
    vita evaluate   trained models on another cohort: the paper's tables, segmentation, calibration drift
    vita list       the models of a results folder
    vita validate   whether a results folder is complete and its parts fit together
    vita describe   what a results folder holds, in words and numbers
    vita audit      participants' ids where they should not be
    vita release    whether a folder may be published: whether anybody can be singled out in it

`vita COMMAND --help` says more, and `vita --version` prints the version. Research software, not a medical device.
"""

import difflib
import importlib
import sys
from importlib.metadata import version

from vita.runtime import cli
from vita.runtime.errors import UserError

COMMANDS = {
    "check": "vita.check.command",
    "predict": "vita.apply.predict",
    "evaluate": "vita.elsewhere.evaluate",
    "list": "vita.results.listing",
    "validate": "vita.results.validate",
    "describe": "vita.results.describe",
    "audit": "vita.audit.command",
    "release": "vita.release.command",
}


def main() -> None:
    """Run the subcommand that the first argument names."""
    cli.run(_run, sys.argv[1:])


def _run(arguments: list[str] | None) -> None:
    name, *rest = arguments or ["--help"]
    if name in ("-h", "--help", "help"):
        print(__doc__)
        return
    if name == "--version":
        print(f"vita {version('vita')}")
        return
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, [*COMMANDS, "--version", "--help"], n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"vita has no command {name!r}; {hint}commands are {', '.join(COMMANDS)}")
    importlib.import_module(COMMANDS[name]).main(rest)


if __name__ == "__main__":
    main()
