"""Every command of the README and the guides is typed as it is printed, and every link leads somewhere."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vita import command
from vita.plan.checking import merged
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
@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_works_as_it_is_printed(page, line, tmp_path):
    for start, reason in ELSEWHERE.items():
        if line.startswith(start):
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
    typed = line.replace("/data/ukb", str(data))
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
    if line.startswith("vita check"):
        # the data made here are a table of one row and no scan, and say so
        assert run.returncode == 1
        assert "of the lines above would stop the run" in run.stderr
        assert "in which there is no scan" in run.stderr
        return
    assert run.returncode == 0, f"{page}: {typed}\n{(run.stdout + run.stderr)[-2000:]}"


def named() -> list[tuple[str, str, tuple[str, ...]]]:
    """Page, module and options of every command of the package, wherever a page has it: in a sentence or a block."""
    start = re.compile(r"(?<![\w/.])(?:vita (?P<command>[a-z]+)|python -m (?P<module>vita\.[\w.]+))(?P<rest>[^`\n]*)")
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        spans = re.findall(r"(?<!`)`([^`]+)`(?!`)", text) + re.findall(r"^ {4,}(.*)$|^(vita .*|python .*)$", text, re.M)
        for span in spans:
            for each in start.finditer(span if isinstance(span, str) else "".join(span)):
                module = command.COMMANDS.get(each["command"] or "", each["module"])
                if module:
                    found.append((page.name, module, tuple(re.findall(r"(?<=\s)--[a-z][\w-]*", each["rest"]))))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("page", "module", "options"), named(), ids=lambda value: str(value)[:40])
def test_a_command_and_its_options_exist(page, module, options, capsys):
    found = importlib.import_module(module)
    if hasattr(found, "__path__"):  # a package
        found = importlib.import_module(f"{module}.__main__")
    with pytest.raises(SystemExit) as ended:
        found.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for option in options:
        assert re.search(rf"{option}\b(?!-)", text), f"{page}: {module} has no {option}"


CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def settings() -> list[tuple[str, str]]:
    """Page and text, for every configuration that a page has in a sentence or a block: `cohort.cleaning: paper`."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        spans = re.findall(r"(?<!`)`([^`\n]+: [^`\n]+)`(?!`)", text)
        spans += re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        found += [(page.name, span) for span in spans if re.split("[.:]", span)[0] in CONFIG and "<" not in span]
    return list(dict.fromkeys(found))


def test_the_pages_hold_settings():
    assert len(settings()) > 40


@pytest.mark.parametrize(("page", "text"), settings(), ids=lambda value: str(value)[:40])
def test_a_configuration_has_known_keys_and_values(page, text, tmp_path):
    own = {}
    for key, value in yaml.safe_load(text).items():
        for part in reversed(key.split(".")):
            value = {part: value}
        own |= value
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    merged(ROOT, [tmp_path / "own.yaml"], [])  # raises if not


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_dotted_keys_exist(page):
    """`stage1.init`, wherever a page names a key without a value."""
    for span in re.findall(r"(?<![`\w/])`([a-z0-9_]+(?:\.[a-z0-9_]+)+)`", page.read_text(encoding="utf-8")):
        block, *parts = span.split(".")
        if block not in CONFIG or (ROOT / "workflow" / "presets" / span).exists() or parts[-1] in ("py", "txt", "yaml"):
            continue
        value = CONFIG[block]
        for part in parts:
            assert part in value, f"{page.name}: {span}"
            value = value[part]


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
