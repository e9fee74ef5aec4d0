"""All checks before a run starts, for `vita check` and for the workflow itself."""

from contextlib import chdir
from pathlib import Path

from vita.check.configuration import contradictions, doubtful_findings
from vita.check.findings import Finding, caught, error
from vita.check.machine import machine_findings, plan_findings, written_findings
from vita.check.masks import command_findings
from vita.check.scans import Scanned, look, scan_findings, settings_of
from vita.check.tables import table_findings
from vita.check.trainings import applied_findings, private_findings, split_findings, weight_findings
from vita.config.typed import Configuration
from vita.plan.checking import missing_inputs
from vita.runtime.errors import UserError


def findings(config: Configuration, home: Path, directory: Path, cluster: bool) -> tuple[list[Finding], int]:
    """Everything that is wrong or noteworthy, and the number of participants for training and evaluation.

    Args:
        config: a whole configuration that its schema allows.
        home: folder of workflow.
        directory: where the run is started; paths of the configuration are relative to it.
        cluster: jobs go to other machines.
    """
    resources = home.resolve() / "workflow" / "resources"
    trains = not config["apply"]["models"]
    if not directory.is_dir():
        return [error(f"--directory names {directory}, which is not a folder; make it, or name another one")], 0
    with chdir(directory):
        wrong = contradictions(config, resources)
        wrong += caught(doubtful_findings, config)
        wrong += caught(weight_findings, config, about="training")
        wrong += caught(private_findings, config, about="training") if trains else []
        wrong += caught(command_findings, config, cluster, about="scans")
        wrong += caught(applied_findings, config)
        if config["input"]["source"] == "phantom":
            cohort = config["phantom"]
            people, masks = cohort["participants"] - cohort["broken_scans"] - cohort["withdrawn"], True
            wrong += caught(split_findings, config, people, about="split") if people > 0 and trains else []
        else:
            about_data, people, masks = _data(config, resources)
            wrong += about_data
        wrong += caught(machine_findings, config, people, masks, cluster, Path.cwd(), about="training")
        wrong += caught(written_findings, config)
        wrong += caught(plan_findings, config, people, resources) if trains and people > 0 else []
    return list(dict.fromkeys(wrong)), people


def _data(config: Configuration, resources: Path) -> tuple[list[Finding], int, bool]:
    """Findings about the user's files, participants, and whether some have masks."""
    missing = missing_inputs(config)
    if missing:
        return [error(message) for message in missing], 0, False
    try:
        scanned = look(config)
    except UserError as failure:
        tables = caught(table_findings, config, resources, (), about="table")
        return [error(str(failure), "scans"), *tables], 0, False
    found = [
        *caught(scan_findings, config, scanned, about="scans"),
        *caught(table_findings, config, resources, scanned.people, about="table"),
    ]
    people = len(scanned.people)
    if people and not config["apply"]["models"]:
        found += caught(split_findings, config, people, about="split")
    return found, people, _masks(scanned, config)


def _masks(scanned: Scanned, config: Configuration) -> bool:
    if config["images"]["masks"].get("source", "files") != "files":
        return True
    names = {name for each in settings_of(config).masks.values() for name in each}
    return any(names & set(found.files) for found in scanned.people.values())
