"""One small cohort for all tests of the phantom."""

import pandas as pd
import pytest

import filled
from vita.phantom.people import draw_people
from vita.phantom.settings import PhantomSettings


@pytest.fixture(scope="session")
def tiny() -> PhantomSettings:
    return PhantomSettings.from_dict(
        {
            "seed": 3,
            "phantom": {
                "participants": 12,
                "matrix": [40, 44],
                "pixel_mm": 6.0,
                "frames": 10,
                "sa_slices": 10,
                "sa_spacing_mm": 10.0,
                "broken_scans": 1,
                "withdrawn": 2,
                "labelled": 1,
            },
        }
    )


@pytest.fixture(scope="session")
def people(tiny: PhantomSettings) -> pd.DataFrame:
    return draw_people(tiny)


@pytest.fixture(scope="session")
def cohort() -> pd.DataFrame:
    """People enough for correlations."""
    return draw_people(filled.phantom(seed=2025, participants=800))
