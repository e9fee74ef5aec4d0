"""How masks are drawn, seen before a run: the user's command, and whether learning on the cohort would be used."""

from collections.abc import Iterator

from vita.check.findings import Finding, error, warning
from vita.config.typed import Configuration
from vita.contouring.template import KEY, commands_of
from vita.images.layout import VIEWS

ADAPT = "images.masks.adapt"


def command_findings(config: Configuration, cluster: bool) -> Iterator[Finding]:
    """Findings about 'images.masks.command'.

    Args:
        config: the whole configuration.
        cluster: jobs run on other machines, which may have programs that this one does not have.

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


def adapt_findings(config: Configuration) -> Iterator[Finding]:
    """Findings about 'images.masks.adapt', which continues the training of the network on the cohort's scans.

    Args:
        config: the whole configuration.
    """
    masks = config["images"]["masks"]
    steps = masks["adapt"]["steps"]
    if not steps:
        return
    text = f"config: '{ADAPT}.steps' is {steps}, but"
    if masks["source"] == "files":
        yield error(
            f"{text} 'images.masks.source' is files, so that no network draws masks; set that to model or both, or "
            "this to 0"
        )
    if set(commands_of(masks["command"])) == set(VIEWS):
        yield error(f"{text} '{KEY}' draws every view; name fewer views there, or set this to 0")
    if config["apply"]["models"]:
        yield error(
            f"{text} 'apply.models' is set, so that nobody here may be learnt from: everybody is tested; set this to 0"
        )
