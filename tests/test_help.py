"""`--help` of every module answers within a second of processor time: heavy libraries load where they are used.

A second is meant for a machine that imports pandas, which most modules need, in half of it. A slower one gets more.
"""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
MAIN = 'if __name__ == "__main__":'
LIMIT_S, IMPORTS, ATTEMPTS = 1.0, 2, 3


def _module(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__main__")


MODULES = sorted(
    _module(path)
    for path in SOURCE.rglob("*.py")
    if MAIN in path.read_text(encoding="utf-8") or path.name == "__main__.py"
)


def test_no_command_line_is_left_out() -> None:
    with_main = {_module(path) for path in SOURCE.rglob("*.py") if "\ndef main(" in path.read_text(encoding="utf-8")}
    assert with_main - set(MODULES) == {"vita.audit.command"}  # which vita.audit runs


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(*arguments: str) -> tuple[float, str]:
    before = _processor_s()
    run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return _processor_s() - before, run.stdout


@pytest.fixture(scope="module")
def limit_s() -> float:
    imports_s = min(_run("-c", "import pandas")[0] for _ in range(ATTEMPTS))
    return max(LIMIT_S, IMPORTS * imports_s)


@pytest.mark.parametrize("module", MODULES)
def test_help_takes_a_second_at_most(module: str, limit_s: float) -> None:
    """The quickest of a few attempts: the first may have to compile, and a busy machine has slow moments."""
    taken: list[float] = []
    while len(taken) < ATTEMPTS and min(taken, default=limit_s) >= limit_s:
        seconds, text = _run("-m", module, "--help")
        taken.append(seconds)
    assert len(text) > 80, "says nothing"
    assert min(taken) < limit_s, f"{min(taken):.2f} s"
