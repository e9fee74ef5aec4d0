from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vita.report import ablation_table
from vita.runtime.errors import UserError

PAPER = Path(__file__).parents[2] / "workflow" / "resources" / "paper"


def _psnr(path, masked, filled, n=12):
    means = {"psnr_masked": masked, "psnr_filled": filled, "psnr_all": 14, "psnr_frames": 1 + filled}
    rows = [
        pd.DataFrame(
            {"eid": np.arange(n), "split": "test", "target": target, "prediction": mean + np.linspace(-1, 1, n)}
        )
        for target, mean in means.items()
    ]
    table = pd.concat(rows, ignore_index=True)
    pd.concat([table, table.assign(split="val", prediction=99.0)]).to_parquet(path)
    return str(path)


def _run(tmp_path, name, *arguments):
    paths = {kind: tmp_path / f"out.{kind}" for kind in ("csv", "md", "tex", "html", "vs-paper")}
    outputs = [text for kind, path in paths.items() for text in (f"--{kind}", str(path))]
    settings = ["--settings", '{"seed": 1, "evaluation": {"bootstrap": 200}}']
    ablation_table.main(["--name", name, "--paper", str(PAPER), *settings, *arguments, *outputs])
    table, versus = pd.read_csv(paths["csv"], dtype={"variant": str}), pd.read_csv(paths["vs-paper"])
    return table.set_index("variant"), paths["md"].read_text(encoding="utf-8"), versus


def test_masking_ratios(tmp_path):
    files = [_psnr(tmp_path / "vita.parquet", 20, 22), _psnr(tmp_path / "mask90.parquet", 15, 16)]
    variants = ["--variants", "vita=0.7", "mask90=0.9"]
    table, md, versus = _run(tmp_path, "tableA6_masking_ratio", "--predictions", *files, *variants)
    assert list(table.index) == ["0.5", "0.7", "0.9"]
    assert table.loc["0.7", "psnr_masked_mean"] == pytest.approx(20)
    assert table.loc["0.7", "psnr_masked_std"] == pytest.approx(np.std(np.linspace(-1, 1, 12), ddof=1))
    assert table.loc["0.7", "psnr_masked_low"] < 20 < table.loc["0.7", "psnr_masked_high"]
    assert np.isnan(table.loc["0.5", "psnr_all_mean"])
    assert "| 0.5 | –<sup>a</sup> | – | – | – | – | – | 38.03 ± 2.56 |" in md
    ours = versus.query("row == 0.9 and quantity == 'mean'").iloc[0]
    assert (ours["paper"], ours["difference"]) == pytest.approx((27.21, 17 - 27.21))


def test_positional_encodings_and_a_variant_of_ones_own(tmp_path):
    files = [_psnr(tmp_path / "vita.parquet", 20, 22), _psnr(tmp_path / "own.parquet", 18, 19)]
    variants = ["--variants", "vita=5D", "own=interleaved"]
    table, _, _ = _run(tmp_path, "tableA5_positional_encoding", "--predictions", *files, *variants)
    assert list(table.index) == ["4D", "5D", "interleaved"]


def test_a_file_without_a_row_is_refused(tmp_path):
    file = _psnr(tmp_path / "vita.parquet", 20, 22)
    with pytest.raises(UserError, match="name the row of vita"):
        _run(tmp_path, "tableA6_masking_ratio", "--predictions", file)
