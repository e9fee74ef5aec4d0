"""Real edits of the package, and which rules they rerun: a word retrains nothing, a loss retrains what uses it."""

import shutil
from pathlib import Path

import pytest

from presets import ROOT
from vita.runtime import digest

TRAININGS = {"vita.training.stage1", "vita.training.stage2", "vita.training.stage3"}
MODULES = TRAININGS | {
    "vita.cohort.fields",
    "vita.cohort.labels",
    "vita.images.build_shard",
    "vita.images.phenotypes",
    "vita.evaluation.classification",
    "vita.report.tables",
    "vita.report.figures.calibration",
    "vita.training.controls",
}
NOTHING: set[str] = set()
# module, right text, new text, what reruns of MODULES
EDITS = {
    "word in an error of the disk": ("runtime/atomic.py", "make room", "free some room", NOTHING),
    "word in an error of the loss": ("models/alignment.py", "raise 'stage2.batch'", "increase 'stage2.batch'", NOTHING),
    "log line": ("training/loop.py", '"resuming after step %d"', '"continuing after step %d"', NOTHING),
    "help text": ("training/stage3.py", 'help="learn only this target', 'help="learn just this target', NOTHING),
    "docstring": ("models/mae.py", "which learns to fill in patches", "which learns to restore patches", NOTHING),
    "comment": ("models/image_encoder.py", "# as in ViT and MAE", "# as in both", NOTHING),
    "annotation and its import": (
        "training/stage1.py",
        "def train(\n    shards: Sequence[Path],",
        "from vita.config.typed import Stage1\n\n\ndef train(\n    shards: Sequence[Path] | Stage1,",
        NOTHING,
    ),
    "local variable": ("models/tokens.py", "half", "a_half", NOTHING),
    "progress display": ("training/show.py", "sys.stderr.isatty()", "sys.stdout.isatty()", NOTHING),
    "title of a system": ("names.py", '"Mean guess"', '"Guess of the mean"', {"vita.report.tables"}),
    "bins of a figure": (
        "report/figures/calibration.py",
        "bins",
        "quantile_bins",
        {"vita.report.figures.calibration"},
    ),
    "reader of CSV": ("cohort/delivery.py", "gzip", "zstd", {"vita.cohort.fields"}),
    "loss of Stage I": ("models/mae.py", "F.mse_loss", "F.l1_loss", {"vita.training.stage1"}),
    "loss of Stage II": ("models/alignment.py", "(1 - lam) * from_table", "lam * from_table", {"vita.training.stage2"}),
    "positions": ("models/tokens.py", "10_000.0", "1_000.0", TRAININGS),
    "augmentation": ("training/augment.py", "2 * torch.rand", "3 * torch.rand", TRAININGS),
    "order of patches": ("models/tokens.py", "4, 6, 3, 5, 7", "6, 4, 3, 5, 7", TRAININGS),
    "rule of labels": ("cohort/icd10.py", "Block", "Blocks", {"vita.cohort.labels"}),
    "formula of a phenotype": ("images/phenotypes.py", "= 1.05", "= 1.0", {"vita.images.phenotypes"}),
    "crop": ("images/crop.py", "(n - 1) / 2", "n / 2", {"vita.images.build_shard"}),
}


def digests() -> dict[str, str]:
    digest._read.cache_clear()
    return {module: digest.code_digest(module) for module in MODULES}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "vita"
    shutil.copytree(ROOT / "src" / "vita", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("edit", EDITS)
def test_what_an_edit_reruns(edit: str, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, right, new, expected = EDITS[edit]
    monkeypatch.setattr(digest, "_SOURCE", copy)
    before, path = digests(), copy / file
    text = path.read_text()
    assert right in text, f"{file} no longer holds {right!r}"
    path.write_text(text.replace(right, new))
    try:
        after = digests()
    finally:
        path.write_text(text)
        digest._read.cache_clear()
    changed = {module for module in MODULES if before[module] != after[module]}
    if expected:
        assert expected <= changed
        assert changed & TRAININGS <= expected & TRAININGS
    else:
        assert not changed
