"""Fixtures shared by all tests. The studies beside the checkout are used where they are present."""

import os
from pathlib import Path

import numpy as np
import pytest

from forescale.runs import read

STUDIES = Path(os.environ.get("FORESCALE_STUDIES", Path(__file__).parents[2] / "shared" / "studies"))


@pytest.fixture
def study():
    """study(name, table="runs") gives the Runs of a published study; skips where the folder is absent."""

    def load(name, table="runs", **mapping):
        path = STUDIES / name / f"{table}.parquet"
        if not path.is_file():
            pytest.skip(f"published study {name} is not beside this checkout")
        return read(path, **mapping)

    return load


@pytest.fixture
def chinchilla_runs(study):
    runs = study("chinchilla")
    return runs.where(runs["role"] != "outlier")


@pytest.fixture
def rng():
    return np.random.default_rng(0)
