from typing import Any

import pytest

from api_client import TurnedVault
from watchbell.domain.errors import Faulty
from watchbell.domain.plan import MASK
from watchbell.usecases.sealing import seal

SECRETS = frozenset({"password", "headers", "tokens"})


def sealed(config: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    former = {"config": before} if before is not None else None
    return seal({"config": config}, former, SECRETS, TurnedVault())["config"]


def test_only_secrets_are_sealed_wherever_their_texts_are():
    config = {"url": "plain", "password": "abc", "headers": {"X": "yz", "n": 1}, "tokens": ["pq", ""]}
    assert sealed(config) == {
        "url": "plain",
        "password": "sealed:cba",
        "headers": {"X": "sealed:zy", "n": 1},
        "tokens": ["sealed:qp", ""],
    }


def test_dots_keep_what_stands_at_the_same_place():
    before = {"password": "sealed:cba", "headers": {"X": "sealed:zy"}, "tokens": ["sealed:qp"]}
    given = {"password": MASK, "headers": {"X": MASK, "Y": "new"}, "tokens": [MASK, "more"]}
    assert sealed(given, before) == {
        "password": "sealed:cba",
        "headers": {"X": "sealed:zy", "Y": "sealed:wen"},
        "tokens": ["sealed:qp", "sealed:erom"],
    }


def test_the_same_secret_again_is_no_change():
    assert sealed({"password": "abc"}, {"password": "sealed:cba"}) == {"password": "sealed:cba"}


@pytest.mark.parametrize("given", [MASK, "yz"])
def test_what_was_stored_in_clear_is_sealed_when_it_is_written_again(given: str):
    assert sealed({"headers": {"X": given}}, {"headers": {"X": "yz"}}) == {"headers": {"X": "sealed:zy"}}


@pytest.mark.parametrize(
    ("config", "before", "field"),
    [
        ({"password": MASK}, None, "config.password"),
        ({"password": MASK}, {"password": ""}, "config.password"),
        ({"headers": {"Y": MASK}}, {"headers": {"X": "sealed:a"}}, "config.headers.Y"),
        ({"tokens": ["a", MASK]}, {"tokens": ["sealed:a"]}, "config.tokens[1]"),
        ({"password": "sealed:cba"}, {"password": "sealed:cba"}, "config.password"),
    ],
)
def test_nothing_is_opened_that_was_not_sealed_here(config: Any, before: Any, field: str):
    with pytest.raises(Faulty) as raised:
        sealed(config, before)
    assert [fault.field for fault in raised.value.faults] == [field]
