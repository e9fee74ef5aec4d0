"""The tables and cards of a release: rounded, and without numbers of too few people."""

import shutil
from pathlib import Path

import pandas as pd

from vita import names
from vita.release import page
from vita.release.draft import Draft, placed
from vita.release.few_of_a_kind import without_rare_kinds
from vita.release.safe import of_quantiles, safe_markdown, safe_table
from vita.runtime.atomic import write_text

CARDS = {"run_card.md": "The run", "data_card.md": "Data card", "model_card.md": "Model card"}


def titled(name: str) -> str:
    """A table's title; one that is set beside the paper's says so."""
    own = name.removesuffix("_vs_paper")
    title = names.TABLE_TITLES.get(own, own.replace("_", " "))
    return f"{title}, beside the paper" if own != name else title


def add_tables(release: Draft) -> None:
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


def _read_table(release: Draft, path: Path) -> tuple[str, int]:
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


def add_cards(release: Draft) -> None:
    """The run's cards, without counts of too few people."""
    for name, title in CARDS.items():
        path = release.results / name
        if path.is_file():
            text = safe_markdown(path.read_text(encoding="utf-8"), release.cell, release.cohort.counts)
            write_text(release.folder / name, text)
            release.cards.append(page.ShownCard(title, page.card_html(text)))
