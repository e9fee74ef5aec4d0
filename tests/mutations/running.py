"""Runs tests against a copy of the package, in a process that has all libraries imported but nothing of the package."""

import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
# imported once, before a process is forked for each run; without those that start threads, such as polars
LIBRARIES = [
    *("hypothesis", "pandas", "pytest", "scipy.optimize", "scipy.stats", "sklearn.linear_model", "sklearn.metrics"),
    *("torch", "torchmetrics.functional.classification", "lightning.pytorch", "monai.losses.dice"),
]
LONGEST_S = 600
NEVER_ENDS = f"not done after {LONGEST_S} s"


class _FirstFailure:
    """A pytest plugin that notes the first test that fails, or file that cannot be collected."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid.removeprefix("tests/")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid.removeprefix("tests/")


def first_failure(tests: tuple[str, ...], source: Path, longest_s: float | None = LONGEST_S) -> str:
    """The first of these tests that fails with the package in `source`; empty if all pass.

    Args:
        tests: files, folders or single tests below `tests`.
        source: folder of the package.
        longest_s: how long a run may take; None waits as long as they take.

    Raises:
        RuntimeError: the tests did not run, so that nothing is known.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(tests, str(source), sender))
    process.start()
    sender.close()
    process.join(longest_s)
    if process.is_alive():
        process.kill()
        process.join()
        return NEVER_ENDS
    code, name = receiver.recv() if receiver.poll() else (process.exitcode, "")
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED) or (
        code and not name
    ):
        raise RuntimeError(f"{' '.join(tests)} did not run (code {code}); try: python -m pytest {' '.join(tests)}")
    return str(name)


def _run(tests: tuple[str, ...], source: str, sender: Connection) -> None:
    known = [name for name in sys.modules if name.partition(".")[0] == "vita"]
    assert not known, f"{known[0]} was imported before the mistake was made"
    sys.path.insert(0, source)
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"}  # for what tests start
    os.chdir(TESTS.parent)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    found = _FirstFailure()
    options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no"]
    code = pytest.main([*options, *(str(TESTS / name) for name in tests)], plugins=[found])
    import vita

    assert Path(vita.__file__).is_relative_to(source), f"{vita.__file__} was tested"
    sender.send((int(code), found.name))
