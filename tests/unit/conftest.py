"""What holds for all unit tests: they run on fakes and open no socket."""

from collections.abc import Iterator

import pytest

from servers.guard import no_sockets


@pytest.fixture(autouse=True)
def _open_no_socket() -> Iterator[None]:
    with no_sockets():
        yield
