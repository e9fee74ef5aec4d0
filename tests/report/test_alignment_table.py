import json

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from vita.report import alignment_table
from vita.runtime.errors import UserError


def _stage2(folder, name, losses, top1, n=100):
    path = folder / name / "history.csv"
    path.parent.mkdir(parents=True)
    pd.DataFrame(
        {
            "epoch": np.arange(len(losses)) + 1,
            "val_loss": losses,
            "top1": top1,
            "top5": np.minimum(1, 2 * np.array(top1)),
        }
    ).to_csv(path, index=False)
    (path.parent / "config.json").write_text(json.dumps({"participants": {"train": 500, "val": n}}))
    return str(path)


def _run(tmp_path, *arguments):
    out = {kind: tmp_path / f"out.{kind}" for kind in ("csv", "md", "tex", "html")}
    alignment_table.main([*arguments, *(text for kind, path in out.items() for text in (f"--{kind}", str(path)))])
    return pd.read_csv(out["csv"]).set_index("variant"), out["md"].read_text(encoding="utf-8")


def test_retrieval_at_the_best_epoch(tmp_path):
    files = [_stage2(tmp_path, "vita", [2, 1, 3], [0.1, 0.2, 0.4]), _stage2(tmp_path, "tau_0_2", [2, 3], [0.3, 0.5])]
    table, md = _run(tmp_path, "--histories", *files, "--variants", "vita=tau 0.1", "tau_0_2=tau 0.2")
    assert table["top1"].tolist() == pytest.approx([20, 30])
    assert table["epoch"].tolist() == [2, 1]
    low, high = proportion_confint(20, 100, method="wilson")
    assert table.loc["tau 0.1", ["top1_low", "top1_high"]].tolist() == pytest.approx([100 * low, 100 * high])
    assert "| tau 0.2 | 100 | 1 | **30.0 (" in md


def test_few_participants_are_not_told(tmp_path):
    table, md = _run(tmp_path, "--histories", _stage2(tmp_path, "vita", [1], [0.5], n=8), "--variants", "vita=tau 0.1")
    assert np.isnan(table.loc["tau 0.1", "top1"])
    assert "| tau 0.1 | &lt;10 | –" in md


def test_what_lacks_is_named(tmp_path):
    file = _stage2(tmp_path, "vita", [1], [0.5])
    with pytest.raises(UserError, match="name the row of vita"):
        _run(tmp_path, "--histories", file, "--variants", "other=x")
    with pytest.raises(UserError, match="run the rule"):
        _run(tmp_path, "--histories", str(tmp_path / "none" / "history.csv"), "--variants", "none=x")
