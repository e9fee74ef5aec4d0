"""Two runs with one seed, each from nothing, give the same tables, figures and embeddings to the last digit."""

from pathlib import Path

import pandas as pd
import pytest

from workflow.conftest import SMOKE
from workflow.test_dry_runs import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.thorough]
# a table of each kind, figures of each kind of input, and what they are made from; the diseases' trainings are left out
TABLES = ("table1_sa_phenotypes", "segmentation", "binary_features", "tableA6_masking_ratio", "overlap")
FIGURES = ("fig2_temporal_sections", "fig5_phenotype_scatter", "fig7_segmentation", "figB9_reconstructions")
TARGETS = [
    *(f"results/tables/{name}.csv" for name in TABLES),
    *(f"results/figures/{name}.csv" for name in FIGURES),
    *(f"results/metrics/{name}/vita.csv" for name in ("subgroups/sa_phenotypes", "mask_phenotypes")),
]
FOLDERS = ("tables", "figures", "metrics", "embeddings", "predictions")
HISTORY = "models/stage2/vita/history.csv"
BYTES = (".csv", ".md", ".tex", ".html", ".svg", ".png")


def test_a_second_run_gives_the_same(results: Path, tmp_path: Path) -> None:
    run = snakemake(tmp_path, *SMOKE, "--", *TARGETS)
    assert run.returncode == 0, run.stderr[-3000:]
    second = tmp_path / "results"
    compared = []
    for path in (path for folder in FOLDERS for path in sorted((second / folder).rglob("*")) if path.is_file()):
        first = results / path.relative_to(second)
        if path.suffix in BYTES:
            assert path.read_bytes() == first.read_bytes(), path.name
        elif path.suffix == ".parquet":
            pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(first), check_exact=True)
        compared.append(path.relative_to(second).as_posix())
    assert {target.removeprefix("results/") for target in TARGETS} | {"embeddings/vita.parquet"} <= set(compared)
    histories = [pd.read_csv(folder / HISTORY).drop(columns="seconds") for folder in (results, second)]
    assert histories[0].to_csv() == histories[1].to_csv()
    assert pd.read_csv(second / "metrics" / "sa_phenotypes" / "vita.csv")["mae"].notna().all()
