"""The user's command that draws masks, before a run: whether it can be read, is there, and is used."""

from collections.abc import Iterator
from typing import Any

from vita.check.findings import Finding, error, warning
from vita.contouring.template import KEY, commands_of


def command_findings(config: dict[str, Any], cluster: bool) -> Iterator[Finding]:
    """Findings about 'images.masks.command'.

    Args:
        config: the whole configuration.
        cluster: jobs run on other machines, which may have what this one has not.

    Raises:
        UserError: a command cannot be read.
    """
    masks = config["images"]["masks"]
    commands = commands_of(masks.get("command"))
    if commands and masks.get("source", "files") == "files":
        yield error(
            f"config: '{KEY}' is set, but 'images.masks.source' is files; set that to model or both, or this to null"
        )
        return
    for command in dict.fromkeys(commands.values()):
        if (name := command.missing()) is None:
            continue
        text = f"config: '{KEY}' names {name}, which is not on this machine"
        if cluster:
            yield warning(f"{text}; make sure that the machines of the cluster have it")
        else:
            yield error(f"{text}; install it, or give its whole path")
