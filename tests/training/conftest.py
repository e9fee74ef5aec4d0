from pathlib import Path

import pytest

from training import toy


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> toy.Toy:
    return toy.make(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def pretrained(cohort: toy.Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stages I and II, trained shortly."""
    from vita.training import stage1, stage2

    folder = tmp_path_factory.mktemp("pretrained")
    stage1.main(cohort.arguments("stage1", folder / "stage1", mask_ratio=0.5))
    stage2.main([*cohort.arguments("stage2", folder / "stage2", epochs=8), "--init", str(folder / "stage1")])
    return folder
