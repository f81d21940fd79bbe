"""Every metric that the code names is documented, and the page names no other."""

import re
from itertools import product

from watchbell.api.alerta_metrics import exposition
from watchbell.domain.alerts.query import AlertCounts
from watchbell.usecases.metering import Metering

PAGE = "docs/reference/metrics.md"
USE = re.compile(r"\b(count|gauge|observe)\(\s*\"([a-z]+_[a-z_]+)\"")


def used(repository):
    return {
        (kind, name)
        for file in (repository / "src" / "watchbell").rglob("*.py")
        for kind, name in USE.findall(file.read_text())
    }


def page(repository):
    return (repository / PAGE).read_text().splitlines()


def documented(repository):
    return {
        name
        for row in page(repository)
        if row.startswith("| `") and ("counter" in row or "gauge" in row or "histogram" in row)
        for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])
        if not name.startswith("alerta_")
    }


def spelt_out(name):
    """`a_{b,c}` as `a_b` and `a_c`."""
    parts = [part.strip("{}").split(",") for part in re.split(r"(\{[a-z,]+\})", name)]
    return {"".join(each) for each in product(*parts)}


def test_every_metric_is_documented_and_no_other(repository):
    assert {name for _, name in used(repository)} == documented(repository)


def test_a_duration_says_its_unit(repository):
    assert not [name for kind, name in used(repository) if kind == "observe" and not name.endswith("_seconds")]


def test_every_metric_of_alertas_is_documented_and_no_other(repository):
    lines = exposition(AlertCounts(), Metering(), 0).splitlines()
    named = re.findall(r"`(alerta_[a-z_{},]+)`", "\n".join(each for each in page(repository) if each.startswith("|")))
    told = {line.split()[0] for line in lines if not line.startswith("#")}
    assert told == {name for each in named for name in spelt_out(each)}
