"""A cohort of any size as far as a plan looks: UK Biobank's zips by name, without contents, and a run on them."""

from pathlib import Path

import yaml

from workflow.test_dry_runs import ROOT

PAPER = ROOT / "workflow" / "presets" / "paper.yaml"
VIEWS = {20208: "Long axis", 20209: "Short axis"}
FIRST_EID, STEP = 1000000, 100  # 50,000 of them fill the range of UK Biobank's ids


def write_zips(scans: Path, first: int, count: int) -> None:
    """Two empty zips for each of `count` participants from number `first` on, in the platform's folders."""
    for eid in range(FIRST_EID + first * STEP, FIRST_EID + (first + count) * STEP, STEP):
        for field, view in VIEWS.items():
            folder = scans / view / str(eid)[:2]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{eid}_{field}_2_0.zip").touch()


def paper_run(folder: Path, participants: int, **images: object) -> list[str]:
    """Arguments of the paper's run on so many participants, whose files are written to `folder`."""
    write_zips(folder / "scans", 0, participants)
    (folder / "withdrawals.csv").touch()
    (folder / "table.csv").touch()
    named = {"scans": "scans", "withdrawals": "withdrawals.csv", "tables": ["table.csv"]}
    (folder / "run.yaml").write_text(yaml.safe_dump({"input": named, "images": images}))
    return ["--configfile", str(PAPER), str(folder / "run.yaml")]
