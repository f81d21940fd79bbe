import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """Divolte's test vectors."""
    return json.loads((Path(__file__).parents[3] / "data" / "divolte_vectors.json").read_text())
