"""Every metric that the code names is documented, and the page names no other."""

import re

PAGE = "docs/reference/metrics.md"
USE = re.compile(r"\b(count|gauge|observe)\(\s*\"([a-z]+_[a-z_]+)\"")


def used(repository):
    return {
        (kind, name)
        for file in (repository / "src" / "watchbell").rglob("*.py")
        for kind, name in USE.findall(file.read_text())
    }


def documented(repository):
    rows = (repository / PAGE).read_text().splitlines()
    return {
        name
        for row in rows
        if row.startswith("| `") and ("counter" in row or "gauge" in row or "histogram" in row)
        for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])
    }


def test_every_metric_is_documented_and_no_other(repository):
    assert {name for _, name in used(repository)} == documented(repository)


def test_a_duration_says_its_unit(repository):
    assert not [name for kind, name in used(repository) if kind == "observe" and not name.endswith("_seconds")]
