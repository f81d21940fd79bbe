from typing import Any

import pytest

from watchbell.domain.checks.check import Check, Host
from watchbell.domain.checks.validation import host_problems, problems


def fields(**changes):
    values: dict[str, Any] = {"name": "web", "type": "http", **changes}
    return [field for field, _ in problems(Check(**values))]


def test_a_plain_check_is_right():
    assert fields() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " web"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"type": ""}, "type"),
        ({"interval": 0.5}, "interval"),
        ({"interval": float("nan")}, "interval"),
        ({"interval": float("inf")}, "interval"),
        ({"retry_interval": 0.1}, "retry_interval"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 7200}, "timeout"),
        ({"fail_after": 0}, "fail_after"),
        ({"recover_after": 5000}, "recover_after"),
        ({"severity": ""}, "severity"),
        ({"environment": ""}, "environment"),
        ({"host": "a\nb"}, "host"),
        ({"services": ["a", ""]}, "services[1]"),
        ({"services": ["a", "a"]}, "services"),
    ],
)
def test_each_problem_names_its_field(changes, field):
    assert fields(**changes) == [field]


def test_all_problems_come_at_once():
    assert fields(name="", interval=0, fail_after=0) == ["name", "interval", "fail_after"]


@pytest.mark.parametrize("address", ["-oProxyCommand=x", "a b", "a\n"])
def test_addresses_that_a_plugin_could_misread(address):
    assert host_problems(Host(name="h", address=address))


def test_a_plain_host_is_right():
    assert host_problems(Host(name="h", address="10.0.0.1")) == []
