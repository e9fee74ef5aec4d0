"""Jobs side by side never exceed the machine's cores, whatever --cores says."""

from hypothesis import given
from hypothesis import strategies as st

from vita.runtime.machine import available_cores, snakemake_threads


@given(wanted=st.integers(1, 8), offered=st.integers(1, 512), available=st.integers(1, 128))
def test_no_more_jobs_than_cores(wanted: int, offered: int, available: int) -> None:
    threads = min(snakemake_threads(wanted, offered, available), offered)
    jobs = offered // threads
    assert jobs * min(wanted, available) <= max(available, offered if offered <= available else available)


def test_a_cluster_gets_what_is_wanted() -> None:
    assert snakemake_threads(8, None, 2) == 8


def test_the_default_run_with_eight_cores_on_two() -> None:
    assert snakemake_threads(1, 8, 2) == 4
    assert snakemake_threads(2, 8, 2) == 8
    assert snakemake_threads(1, 2, 2) == 1


def test_this_machine_has_a_core() -> None:
    assert available_cores() >= 1
