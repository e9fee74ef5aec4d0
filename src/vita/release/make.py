"""Make results/release, which may leave the platform and describes no single participant.

    python -m vita.release.make --results results --output results/release \
        --settings '{"privacy": {"cell": 10, "membership_auc": 0.55}}'

It holds tables (rounded; cells of too few people are withheld, as are others from which they would follow), cards, the
configuration, versions, every figure drawn from numbers over at least `cell` people, and the weights of models that do
not reveal who was in their training (`membership_auc`), each with its passport. The folder is built under a temporary
name and checked as by `vita release --check`. A table, figure or card that the check refuses stays inside, which the
page states; the folder is moved into place only if nothing is found in the rest. outcomes.json and outcomes.md list the
content of the release.
"""

import importlib.metadata
import json
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

from vita import names
from vita.config.blocks import needed
from vita.evaluation.membership import GATE
from vita.release import crate, outcomes, page, weights
from vita.release.checking import check
from vita.release.cohort import read_cohort
from vita.release.command import report
from vita.release.draft import Draft
from vita.release.draft_figures import add_figures, coarser_figures
from vita.release.draft_tables import CARDS, add_cards, add_tables
from vita.report.run_card import read_config, without_folders
from vita.runtime import cli
from vita.runtime.atomic import PART, write_text
from vita.runtime.clone import git_commit
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

log = logging.getLogger(__name__)

_ROUNDS = 4  # of making coarser, or removing, what the check refuses
_STAYS = ("Embeddings, predictions, masks, scans, logs and every table of participants stay inside.",)


def make(results: Path, output: Path, cell: int = SMALLEST_COUNT, gate: float = GATE) -> None:
    """Make a release of a results folder.

    Args:
        results: folder of a finished run.
        output: folder to make.
        cell: smallest number of people behind any number.
        gate: largest AUC of an attack on released weights.

    Raises:
        UserError: the results are not there, or something in the release would single somebody out.
    """
    if cell < SMALLEST_COUNT:
        raise UserError(f"config: 'privacy.cell' is {cell}; the smallest allowed is {SMALLEST_COUNT}")
    config = read_config(results / "config.json")
    cohort = read_cohort([results], cell)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PART, dir=output.parent) as temporary:
        release = Draft(results, Path(temporary) / output.name, cohort, cell)
        release.folder.mkdir()
        add_figures(release)
        add_tables(release)
        add_cards(release)
        _add_configuration(release, config)
        release.models = weights.add_weights(results, release.folder, gate, cohort.phantom)
        release.left_out += weights.stays(release.models)
        release.left_out += _STAYS
        _write_page(release)
        for _ in range(_ROUNDS):
            found = check(release.folder, cohort, cell, cohort.ids, known=release.known)
            failed = {each.path: sorted({finding.kind for finding in each.findings}) for each in found if each.findings}
            again = coarser_figures(release, set(failed))
            if not _withhold(release, {path: failed[path] for path in failed.keys() - again}) and not again:
                break
            _write_page(release)
        _check(release)
        if output.exists():
            shutil.rmtree(output)
        release.folder.rename(output)
    counts = len(release.figures), len(release.tables), sum(bool(each.folder) for each in release.models)
    log.info("%s: %d figures, %d tables, weights of %d models", output, *counts)


def _write_page(release: Draft) -> None:
    page.write_page(
        release.folder / "index.html",
        release.figures,
        release.tables,
        release.cards,
        [each for each in release.models if each.folder],
        release.left_out,
        release.cell,
        release.cohort.phantom,
    )


def _withhold(release: Draft, failed: dict[Path, list[str]]) -> bool:
    """Remove tables, figures, cards and weights that the check refuses from the release; return whether there were any.

    If one form of a table or figure is refused, all of them are removed, and a model is removed as a whole. The page is
    made of the rest, and the log says what was found. Anything else that the check refuses stays, so that the release
    fails.

    Args:
        release: what is being made.
        failed: kinds of findings in each file.
    """
    taken = {path for path in failed if path.parts[0] in ("tables", "figures") or path.name in CARDS}
    models = {each.folder: each for each in release.models if each.folder}
    refused = {folder: models[folder] for folder in models if any(path.is_relative_to(folder) for path in failed)}
    for folder, judged in refused.items():
        kinds = {kind for path in failed if path.is_relative_to(folder) for kind in failed[path]}
        shutil.rmtree(release.folder / folder)
        if not any((release.folder / folder).parent.iterdir()):
            (release.folder / folder).parent.rmdir()
        release.left_out.append(f"Weights of {judged.title}: the check refuses them, so they stay inside.")
        log.warning("%s is left out: the check finds: %s", folder, ", ".join(sorted(kinds)))
    release.models = [each for each in release.models if each.folder not in refused]
    for path in sorted(taken):
        for form in (release.folder / path).parent.glob(f"{path.stem}.*"):
            form.unlink()
        title = names.TABLE_TITLES.get(path.stem) or names.FIGURE_TITLES.get(path.stem) or CARDS.get(path.name)
        words = f"{title or path.stem.replace('_', ' ')}: the check refuses it, so it stays inside."
        if words not in release.left_out:
            release.left_out.append(words)
        log.warning("%s is left out: the check finds: %s", path, ", ".join(failed[path]))
    kept = release.folder
    release.tables = [each for each in release.tables if (kept / each.csv).is_file()]
    release.figures = [each for each in release.figures if (kept / (each.csv or each.image)).is_file()]
    release.cards = [each for each in release.cards if each.title not in {CARDS.get(path.name) for path in taken}]
    return bool(taken or refused)


def _check(release: Draft) -> None:
    """Judge the release, write the outcomes and the description of the run, and judge those."""
    outputs = check(release.folder, release.cohort, release.cell, release.cohort.ids, known=release.known)
    report(outputs, release.folder, release.cohort, release.cell)
    about: dict[str, Any] = {
        "tool": f"vita {importlib.metadata.version('vita')}",
        "source": "synthetic participants" if release.cohort.phantom else "UK Biobank",
        "smallest_cell_allowed": release.cell,
        "participants_singled_out": 0,
    }
    outcomes.write(outcomes.listed(outputs, release.cell, release.made_of), about, release.folder)
    source = (
        "All participants are synthetic." if release.cohort.phantom else "Participants of UK Biobank, in aggregate."
    )
    crate.write_crate(release.folder, importlib.metadata.version("vita"), git_commit() or "", source)
    report(
        [
            each
            for name in ("outcomes.json", "outcomes.md", crate.NAME)
            for each in check(release.folder / name, release.cohort, release.cell, release.cohort.ids)
        ],
        release.folder,
        release.cohort,
        release.cell,
    )


def _add_configuration(release: Draft, config: dict[str, Any]) -> None:
    text = json.dumps(without_folders(config), indent=2, sort_keys=True)
    write_text(release.folder / "config.json", text + "\n")
    code = {"vita": importlib.metadata.version("vita"), "git_commit": git_commit()}
    write_text(release.folder / "code.json", json.dumps(code, indent=2) + "\n")


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results folder of a finished run")
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    cli.add_settings(parser, "the block `privacy`")
    args = parser.parse_args(arguments)
    cell, gate = (needed(args.settings, f"privacy.{key}") for key in ("cell", "membership_auc"))
    make(args.results, args.output, cell, gate)


if __name__ == "__main__":
    cli.run(main)
