"""The suite runs once for each store."""

import pytest


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    """Where the data of the test is."""
    if request.param == "memory":
        return "memory:"
    return request.getfixturevalue("store_postgres_url" if request.param == "postgresql" else "sqlite_url")
