"""A new figure and a new system are a row in names.py, a module and nothing else: shown on a copy of the code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import filled
from evaluation import synthetic
from vita import names
from workflow.conftest import SMOKE

ROOT = Path(__file__).resolve().parents[1]
FIGURE = """
    Figure("fig10_made_up", "Figure 10: made up", ("phenotypes",)),
"""
SYSTEM = """
    System("made_up", "Made-up system", "#123456"),
"""
MODULE = '''"""Figure 10: how often each phenotype is known."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from vita.report.figures import style
from vita.runtime import cli


def main(arguments: list[str] | None = None) -> None:
    """Command line, see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--phenotypes", required=True, type=Path, help="phenotypes.parquet")
    style.add_common(parser)
    args = parser.parse_args(arguments)
    style.apply()
    known = pd.read_parquet(args.phenotypes).drop(columns="eid").notna().mean().rename("known").reset_index()
    figure, axes = plt.subplots()
    axes.barh(known["index"], known["known"], color=style.colour("made_up"))
    style.save(figure, known, style.Files.of(vars(args)))


if __name__ == "__main__":
    cli.run(main)
'''


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The code with a made-up figure and a made-up system."""
    clone = tmp_path_factory.mktemp("clone")
    for name in ("src", "workflow", "envs"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, clone / name)
    path = clone / "src" / "vita" / "names.py"
    text = path.read_text(encoding="utf-8")
    for start, row in {"FIGURES = (": FIGURE, "SYSTEMS = (": SYSTEM}.items():
        assert text.count(f"\n{start}\n") == 1
        text = text.replace(f"\n{start}\n", f"\n{start}{row}")
    path.write_text(text, encoding="utf-8")
    (clone / "src" / "vita" / "report" / "figures" / "fig10_made_up.py").write_text(MODULE, encoding="utf-8")
    (clone / "workflow" / "report" / "fig10_made_up.rst").write_text("A made-up figure.\n", encoding="utf-8")
    return clone


def _run(clone, folder, *command):
    environment = os.environ | {"PYTHONPATH": str(clone / "src")}
    run = subprocess.run([sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


def test_a_made_up_figure_is_planned_and_drawn(clone, tmp_path):
    plan = ["snakemake", "--snakefile", str(clone / "Snakefile"), "-n", "-p", "--cores", "1", *SMOKE, "--"]
    printed = _run(clone, tmp_path, *plan, "results/figures/fig10_made_up.png")
    assert "python -m vita.report.figures.fig10_made_up --phenotypes results/images/phenotypes.parquet" in printed
    assert "draw_fig10_made_up" in _run(clone, tmp_path, *plan, "all")  # it is one of the run's products
    pd.DataFrame({"eid": range(20), "LVEDV": 1.0}).to_parquet(tmp_path / "p.parquet")
    files = [text for kind in ("svg", "pdf", "png", "csv") for text in (f"--{kind}", f"f.{kind}")]
    _run(clone, tmp_path, "vita.report.figures.fig10_made_up", "--phenotypes", "p.parquet", *files)
    assert "#123456" in (tmp_path / "f.svg").read_text(encoding="utf-8")
    assert pd.read_csv(tmp_path / "f.csv")["known"].tolist() == [1]
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")


def test_a_made_up_system_has_its_place_in_the_tables(clone, tmp_path):
    targets = ["--targets", str(synthetic.targets(tmp_path / "targets.tsv"))]
    settings = ["--settings", filled.argument(seed=0, evaluation={"bootstrap": 20})]
    for model, noise in {"made_up": 0.5, "vita": 0.3}.items():
        synthetic.regression(tmp_path / f"{model}.parquet", ["LVEDV", "LVM"], noise)
        arguments = ["--task", "sa_phenotypes", "--model", model, "--predictions", f"{model}.parquet"]
        _run(clone, tmp_path, "vita.evaluation.regression", *arguments, *targets, *settings, "--output", f"{model}.csv")
    files = [text for kind in ("csv", "md", "tex", "html") for text in (f"--{kind}", f"t.{kind}")]
    arguments = ["--name", "table1_sa_phenotypes", "--metrics", "made_up.csv", "vita.csv", "--vs-paper", "v.csv"]
    paper = ["--paper", str(clone / "workflow" / "resources" / "paper")]
    _run(clone, tmp_path, "vita.report.tables", *arguments, *paper, *targets, *settings, *files)
    header = (tmp_path / "t.md").read_text(encoding="utf-8").splitlines()[2]
    assert header.index("Made-up system") < header.index("Mean guess")  # the place of its row in names.py


def test_names_are_not_repeated():
    for rows in (names.SYSTEMS, names.TASKS, names.STRUCTURES, names.TABLES, names.FIGURES):
        assert len({row.name for row in rows}) == len(rows)
    assert len({system.colour for system in names.SYSTEMS}) == len(names.SYSTEMS)
    assert {task for table in names.TABLES for task in table.tasks} <= set(names.TASK_TITLES)
    assert {system for table in names.TABLES for system in table.systems} <= set(names.SYSTEM_TITLES)
