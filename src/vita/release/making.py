"""Making a release: figures, tables, cards, configuration and the page; see `vita.release.make`."""

import importlib.metadata
import json
import logging
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from vita import names
from vita.evaluation.membership import GATE
from vita.release import crate, outcomes, page, weights
from vita.release.checking import Known, check
from vita.release.cohort import Cohort, read_cohort
from vita.release.command import report
from vita.release.few_of_a_kind import without_rare_kinds
from vita.release.safe import of_quantiles, safe_markdown, safe_table
from vita.report.run_card import read_config, without_folders
from vita.runtime.atomic import PART, write_text
from vita.runtime.clone import git_commit
from vita.runtime.errors import UserError
from vita.runtime.privacy import SMALLEST_COUNT

log = logging.getLogger(__name__)

_CARDS = {"run_card.md": "The run", "data_card.md": "Data card", "model_card.md": "Model card"}
_ROUNDS = 4  # of making coarser, or removing, what the check refuses
_STAYS = ("Embeddings, predictions, masks, scans, logs and every table of participants stay inside.",)


@dataclass
class _Release:
    """A release that is being made."""

    results: Path
    folder: Path
    cohort: Cohort
    cell: int
    figures: list[page.ShownFigure] = field(default_factory=list)
    tables: list[page.ShownTable] = field(default_factory=list)
    cards: list[page.ShownCard] = field(default_factory=list)
    models: list[weights.Judged] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    made_of: dict[str, str] = field(default_factory=dict)
    known: Known = field(default_factory=dict)


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
        release = _Release(results, Path(temporary) / output.name, cohort, cell)
        release.folder.mkdir()
        _add_figures(release)
        _add_tables(release)
        _add_cards(release)
        _add_configuration(release, config)
        release.models = weights.add_weights(results, release.folder, gate, cohort.phantom)
        release.left_out += weights.stays(release.models)
        release.left_out += _STAYS
        _write_page(release)
        for _ in range(_ROUNDS):
            found = check(release.folder, cohort, cell, cohort.ids, known=release.known)
            failed = {each.path for each in found if each.findings}
            again = _coarser(release, failed)
            if not _withhold(release, failed - again) and not again:
                break
            _write_page(release)
        _check(release)
        if output.exists():
            shutil.rmtree(output)
        release.folder.rename(output)
    counts = len(release.figures), len(release.tables), sum(bool(each.folder) for each in release.models)
    log.info("%s: %d figures, %d tables, weights of %d models", output, *counts)


def _write_page(release: _Release) -> None:
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


def _withhold(release: _Release, failed: set[Path]) -> bool:
    """Remove tables, figures, cards and weights that the check refuses from the release; return whether there were any.

    If one form of a table or figure is refused, all of them are removed, and a model is removed as a whole. The page is
    made of the rest. Anything else that the check refuses stays, so that the release fails.
    """
    taken = {path for path in failed if path.parts[0] in ("tables", "figures") or path.name in _CARDS}
    models = {each.folder: each for each in release.models if each.folder}
    refused = {folder: models[folder] for folder in models if any(path.is_relative_to(folder) for path in failed)}
    for folder, judged in refused.items():
        shutil.rmtree(release.folder / folder)
        release.left_out.append(f"Weights of {judged.title}: the check refuses them, so they stay inside.")
        log.warning("%s is left out: the check refuses it", folder)
    release.models = [each for each in release.models if each.folder not in refused]
    for path in sorted(taken):
        for form in (release.folder / path).parent.glob(f"{path.stem}.*"):
            form.unlink()
        title = names.TABLE_TITLES.get(path.stem) or names.FIGURE_TITLES.get(path.stem) or _CARDS.get(path.name)
        words = f"{title or path.stem.replace('_', ' ')}: the check refuses it, so it stays inside."
        if words not in release.left_out:
            release.left_out.append(words)
        log.warning("%s is left out: the check refuses it", path)
    kept = release.folder
    release.tables = [each for each in release.tables if (kept / each.csv).is_file()]
    release.figures = [each for each in release.figures if (kept / (each.csv or each.image)).is_file()]
    release.cards = [each for each in release.cards if each.title not in {_CARDS.get(path.name) for path in taken}]
    return bool(taken or refused)


def _check(release: _Release) -> None:
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


def placed(name: str, order: list[str]) -> tuple[int, str]:
    """Where a figure or a table stands on the page: as in the paper, what it does not have behind, by name."""
    own = name.removesuffix("_vs_paper")
    return (order.index(own) if own in order else len(order), name)


def titled(name: str) -> str:
    """A table's title; one that is set beside the paper's says so."""
    own = name.removesuffix("_vs_paper")
    title = names.TABLE_TITLES.get(own, own.replace("_", " "))
    return f"{title}, beside the paper" if own != name else title


def _add_figures(release: _Release) -> None:
    """Every figure of the run in its releasable form."""
    from vita.release import figures  # start-up: they bring matplotlib
    from vita.report.figures import style

    style.apply()
    target = release.folder / "figures"
    target.mkdir()
    order = [figure.name for figure in names.FIGURES]
    for path in sorted((release.results / "figures").glob("*.csv"), key=lambda path: placed(path.stem, order)):
        name = path.stem
        title = names.FIGURE_TITLES.get(name, name)
        if figures.released_as_pixels(name, release.cohort.phantom):
            _add_pixels(release, name, title)
            continue
        if name in figures.AS_IT_IS:
            for form in ("csv", "svg", "png"):
                shutil.copyfile(path.with_suffix(f".{form}"), target / f"{name}.{form}")
            words = "Losses of models; it contains no data of participants."
            release.figures.append(page.ShownFigure(title, words, f"figures/{name}.svg", f"figures/{name}.csv"))
            continue
        try:
            release.figures.append(_in_cells(release, path, title, release.cell))
        except KeyError:
            release.left_out.append(f"{title}: it has no form without rows of participants.")


def _in_cells(release: _Release, path: Path, title: str, cell: int) -> page.ShownFigure:
    """Write a figure as numbers over at least `cell` people.

    Args:
        path: its CSV in the results.

    Raises:
        KeyError: it has no such form.
    """
    from vita.release import figures  # start-up: they bring matplotlib

    name = path.stem
    found = figures.aggregate(name, figures.drawn_from(name, path, release.results, cell), cell)
    figures.save(found, release.folder / "figures", name)
    drawn = found.figure is not None
    words = f"Numbers over at least {cell} people each." if drawn else "Too few people for any of its numbers."
    image = f"figures/{name}.svg" if drawn else ""
    return page.ShownFigure(title, words, image, f"figures/{name}.csv", cell if drawn else 0)


def _coarser(release: _Release, failed: set[Path]) -> set[Path]:
    """Make refused figures once more over twice as many people: of many means, one may resemble a person by chance.

    Returns:
        Files of these figures.
    """
    again: set[Path] = set()
    for place, shown in enumerate(release.figures):
        stem = Path(shown.csv or shown.image).with_suffix("")
        own = {path for path in failed if path.with_suffix("") == stem}
        if own and shown.cell == release.cell:
            source = release.results / "figures" / f"{stem.name}.csv"
            release.figures[place] = _in_cells(release, source, shown.title, 2 * release.cell)
            log.info("%s is made of at least %d people each: the check refuses less", stem.name, 2 * release.cell)
            again |= own
    return again


def _add_pixels(release: _Release, name: str, title: str) -> None:
    """A figure with images of hearts: released for synthetic hearts, left out otherwise."""
    if not release.cohort.phantom:
        release.left_out.append(f"{title}: it shows pixels of participants' scans.")
        return
    for form in ("svg", "png"):
        source = release.results / "figures" / f"{name}.{form}"
        shutil.copyfile(source, release.folder / "figures" / source.name)
        release.made_of[f"figures/{source.name}"] = "images of synthetic hearts"
    release.figures.append(page.ShownFigure(title, "Synthetic hearts.", f"figures/{name}.svg"))


def _add_tables(release: _Release) -> None:
    """The run's tables, those by group, and those of phenotypes from masks."""
    results, target = release.results, release.folder / "tables"
    target.mkdir()
    found = {path.stem: path for path in sorted((results / "tables").glob("*.csv"))}
    found |= {
        f"subgroups_{path.parent.name}": path for path in sorted((results / "metrics" / "subgroups").glob("*/*.csv"))
    }
    found |= {
        f"mask_phenotypes_{path.stem}": path for path in sorted((results / "metrics" / "mask_phenotypes").glob("*.csv"))
    }
    if (path := results / "run_times.csv").is_file():
        found["run_times"] = path
    hidden: set[str] = set()
    order = [table.name for table in names.TABLES]
    for name, path in sorted(found.items(), key=lambda item: (item[0].endswith("_vs_paper"), placed(item[0], order))):
        title = titled(name)
        if name.removesuffix("_vs_paper") in hidden:
            release.left_out.append(f"{title}: rows of the table are withheld.")
            continue
        text, rare = _read_table(release, path)
        safe, withheld = safe_table(text, release.cell, release.cohort.counts)
        if safe is None:
            release.left_out.append(f"{title}: its rows cannot be distinguished from rows of participants.")
            continue
        write_text(target / f"{name}.csv", safe)
        withheld += rare
        words = f"{withheld} rows have withheld numbers: of too few people, or revealing others." * bool(withheld)
        if withheld:
            hidden.add(name)
        elif not of_quantiles(safe):
            _copy_forms(path, target)
        release.tables.append(page.ShownTable(title, f"tables/{name}.csv", page.table_html(safe), words))


def _read_table(release: _Release, path: Path) -> tuple[str, int]:
    """The text of a table's CSV; one of subgroups is without the AUCs of too few people, which are counted."""
    if path.parent.parent.name != "subgroups":
        return path.read_text(encoding="utf-8"), 0
    results = release.results
    folder, fields = results / "predictions" / path.parent.name, results / "cohort" / "fields.parquet"
    table = pd.read_csv(path)
    if "metric" not in table:
        return path.read_text(encoding="utf-8"), 0
    table, rare = without_rare_kinds(table, folder, fields, release.cell)
    return table.to_csv(index=False), rare


def _copy_forms(path: Path, target: Path) -> None:
    """The printed forms of a table, which hold no more than its CSV."""
    for suffix in (".md", ".tex"):
        if path.parent.name == "tables" and (source := path.with_suffix(suffix)).is_file():
            shutil.copyfile(source, target / source.name)


def _add_cards(release: _Release) -> None:
    for name, title in _CARDS.items():
        path = release.results / name
        if path.is_file():
            text = safe_markdown(path.read_text(encoding="utf-8"), release.cell, release.cohort.counts)
            write_text(release.folder / name, text)
            release.cards.append(page.ShownCard(title, page.card_html(text)))


def _add_configuration(release: _Release, config: dict[str, Any]) -> None:
    text = json.dumps(without_folders(config), indent=2, sort_keys=True)
    write_text(release.folder / "config.json", text + "\n")
    code = {"vita": importlib.metadata.version("vita"), "git_commit": git_commit()}
    write_text(release.folder / "code.json", json.dumps(code, indent=2) + "\n")
