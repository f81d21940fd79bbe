"""Worker sites: a check runs where it says, and nowhere else."""

import secrets
from collections.abc import Iterator

import pytest

from acceptance.installation import Cluster
from servers.process import PATIENCE, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def berlin(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with a worker of the pool `dmz` at the site `berlin`, which knows the broker and no database."""
    name = f"berlin-{secrets.token_hex(4)}"
    worker = cluster.launch(
        name,
        "worker",
        "--data",
        str(cluster.folder / name),
        WATCHBELL_WORKER__SITE="berlin",
        WATCHBELL_WORKER__POOL="dmz",
        WATCHBELL_STORE__URL="postgresql://nobody@127.0.0.1:1/nowhere",
    )
    worker.wait_ready(lambda: "worker_started" in worker.log())
    yield cluster
    assert worker.stop() == 0
    del cluster.processes[name]


def workers_of(cluster: Cluster, check: str) -> set[str]:
    """The sites of the workers whose results a check has."""
    results = cluster.call("GET", f"/api/check/{check}")["results"]
    return {result["worker"].partition("/")[0] for result in results}


def summaries(cluster: Cluster, check: str) -> str:
    """What a check's results say."""
    return " ".join(result["summary"] for result in cluster.call("GET", f"/api/check/{check}")["results"])


def test_a_check_runs_only_at_its_site_and_in_its_pool(berlin):
    name = secrets.token_hex(4)
    berlin.define("host", name=f"host-{name}", address="127.0.0.1", site="berlin")
    config = {"command": "/bin/echo fine"}

    def check(which: str, timeout: int = 10 * PATIENCE, **more: str) -> str:
        settings = {"type": "command", "interval": 1, "timeout": timeout, "config": config}
        return berlin.define("check", name=f"{which}-{name}", **settings, **more)

    at_home = check("home")
    there = check("there", site="berlin", pool="dmz")
    of_its_host = check("host", host=f"host-{name}", pool="dmz")
    # Nobody is waited for in vain for longer than a check may take.
    wrong_pool = check("pool", 2, site="berlin")
    wrong_site = check("site", 2, site="rome", pool="dmz")
    made = (at_home, there, of_its_host, wrong_pool, wrong_site)
    try:
        for one in (at_home, there, of_its_host):
            wait_until(
                lambda one=one: len(berlin.call("GET", f"/api/check/{one}")["results"]) >= 4, 60, "several results"
            )
        assert workers_of(berlin, at_home) == {"default"}
        assert workers_of(berlin, there) == {"berlin"}
        assert workers_of(berlin, of_its_host) == {"berlin"}
        for one, place in ((wrong_pool, "site berlin, pool default"), (wrong_site, "site rome, pool dmz")):
            wait_until(
                lambda one=one, place=place: f"No worker answered ({place})" in summaries(berlin, one), 60, place
            )
            assert "fine" not in summaries(berlin, one)
            assert berlin.call("GET", f"/api/check/{one}")["check"]["status"] == "unknown"
    finally:
        for one in made:
            berlin.call("DELETE", f"/api/objects/check/{one}")
