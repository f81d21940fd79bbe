"""Stores on real databases, without the memory fake."""

import pytest


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    """Where the data of the test is."""
    return request.getfixturevalue("store_postgres_url" if request.param == "postgresql" else "sqlite_url")
