"""Every command of the README and the guides is typed as it is printed, and every link leads somewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflow.test_dry_runs import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "workflow" / "guides").glob("*.md"))]
# a command that another test or CI follows, or that only sets up
ELSEWHERE = {
    "python3 -m venv": "CI starts with the test command; the run command is the default run",
    "pip install": "sets up",
    "python -m pytest": "CI runs the tests; benchmarks are run on demand",
    "ruff check": "CI runs the linters",
    "lint-imports": "CI runs the linters",
    "snakemake --lint": "CI runs the linters",
    "dx run": "runs on UK Biobank's platform",
    "python -m vita.costs --results results": "needs a finished run; tests/costs has it",
}
HAS_SLURM = shutil.which("squeue") is not None


def commands() -> list[tuple[str, str]]:
    """Page and command, for every line of every shell block."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^ *```bash\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(page.name, " ".join(line.split())) for line in lines if line.split("#")[0].strip()]
    return found


def test_the_pages_hold_commands():
    assert len(commands()) > 10
    assert len({page for page, _ in commands()}) > 5


@pytest.mark.workflow
@pytest.mark.thorough
@pytest.mark.parametrize(("page", "command"), commands())
def test_a_command_works_as_it_is_printed(page, command, tmp_path):
    for start, reason in ELSEWHERE.items():
        if command.startswith(start):
            pytest.skip(reason)
    data = tmp_path / "data"
    (data / "scans").mkdir(parents=True)
    (data / "table.csv").write_text("eid,31-0.0\n1000001,1\n")
    (data / "withdrawals.csv").write_text("1000002\n")
    (tmp_path / "results").mkdir()
    for name in ("workflow", "profiles", "envs", "src", "Snakefile", "config.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "my.yaml").write_text(
        f"input:\n  source: files\n  tables: [{data}/table.csv]\n  withdrawals: {data}/withdrawals.csv\n"
        f"  scans: {data}/scans\nphenotypes: {{source: fields}}\n"
    )
    typed = command.replace("/data/ukb", str(data))
    if "profiles/slurm" in typed and not HAS_SLURM:
        pytest.skip("needs a SLURM")
    run = subprocess.run(
        typed,
        cwd=tmp_path,
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        check=False,
    )
    if command.startswith("vita check"):
        # the data made here are a table of one row and no scan, and say so
        assert run.returncode == 1
        assert "of the lines above would stop the run" in run.stderr
        assert "in which there is no scan" in run.stderr
        return
    assert run.returncode == 0, f"{page}: {typed}\n{(run.stdout + run.stderr)[-2000:]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_anchors_are_headings_of_the_page(page):
    text = page.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in re.findall(r"^#+ .*$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
