"""`--help` of every module answers within a second of processor time: heavy libraries load where they are used."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
MAIN = 'if __name__ == "__main__":'
LIMIT_S, ATTEMPTS = 1.0, 3


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


@pytest.mark.parametrize("module", MODULES)
def test_help_takes_a_second_at_most(module: str) -> None:
    """The quickest of a few attempts: the first may have to compile, and a busy machine has slow moments."""
    taken = []
    while len(taken) < ATTEMPTS and min(taken, default=LIMIT_S) >= LIMIT_S:
        before = _processor_s()
        run = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=False)
        taken.append(_processor_s() - before)
        assert run.returncode == 0, run.stderr
    assert len(run.stdout) > 80, "says nothing"
    assert min(taken) < LIMIT_S, f"{min(taken):.2f} s"
