import pandas as pd
import pytest

from vita.report import run_times
from vita.runtime.errors import UserError

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def _benchmark(path, seconds, memory, cpu):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + f"{seconds}\t0:00:01\t{memory}\t0\t0\t0\t0\t0\t99\t{cpu}\n")


def test_rules_are_summed(tmp_path):
    _benchmark(tmp_path / "b" / "train_stage3" / "sa_phenotypes" / "vit.tsv", 10.0, 900.5, 9.0)
    _benchmark(tmp_path / "b" / "train_stage3" / "sa_phenotypes" / "vita.tsv", 20.0, 1100.0, 19.0)
    _benchmark(tmp_path / "b" / "split_cohort.tsv", 0.5, "-", "NA")
    html = ["--html", str(tmp_path / "t.html")]
    run_times.main(
        ["--folder", str(tmp_path / "b"), "--csv", str(tmp_path / "t.csv"), "--md", str(tmp_path / "t.md"), *html]
    )
    table = pd.read_csv(tmp_path / "t.csv").set_index("rule")
    assert list(table.index) == ["train_stage3", "split_cohort"]
    assert table.loc["train_stage3"].tolist() == [2, 30, 15, 20, 28, 1100]
    assert table.loc["split_cohort", ["cpu_s", "peak_memory_mb"]].isna().all()
    text = (tmp_path / "t.md").read_text(encoding="utf-8")
    assert "| split_cohort | 1 | 0.5 | 0.5 | 0.5 | – | – |" in text
    assert "| **All** | **3** | **30.5** |" in text


def test_without_benchmarks(tmp_path):
    with pytest.raises(UserError, match="no benchmark file"):
        run_times.read(tmp_path)


def test_a_job_of_which_the_shell_alone_was_seen_has_no_memory_and_no_time_of_zero(tmp_path):
    _benchmark(tmp_path / "b" / "join_labels.tsv", 0.04, 3.1, 0.0)
    table = run_times.summarise(run_times.read(tmp_path / "b"))
    assert table["peak_memory_mb"].isna().all()
    cells = [cell.text for cell in run_times.printed(table).rows[0]]
    assert cells == ["join_labels", "1", "<0.1", "<0.1", "<0.1", "<0.1", "–"]
