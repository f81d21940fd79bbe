import json
from pathlib import Path
from typing import Any

import pytest

from collector_site import Site


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """Divolte's test vectors."""
    return json.loads((Path(__file__).parents[2] / "data" / "divolte_vectors.json").read_text())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A collector with the default sources."""
    return Site(tmp_path)
