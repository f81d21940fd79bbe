from typing import Any

import pytest

from api_client import TurnedVault
from watchbell.domain.errors import Faulty, Permanent
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


KEPT = {"url": "https://here.example/a", "verify_tls": True, "timeout": 5, "password": "sealed:cba"}


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://there.example/a"},
        {"url": "http://here.example/a"},
        {"url": "https://here.example:8443/a"},
        {"url": "https://here.example@there.example/a"},
        {"verify_tls": False},
        {"ca_file": "/mine.pem"},
        {"environment": {"https_proxy": "http://there.example"}},
        {"headers": {"host": "there.example"}},
    ],
)
def test_dots_send_no_secret_elsewhere(change: dict[str, Any]):
    with pytest.raises(Faulty) as raised:
        sealed({**KEPT, "password": MASK, **change}, KEPT)
    (fault,) = raised.value.faults
    assert (fault.field, fault.fix) == ("config.password", "give the secret again")
    assert next(iter(change)) in fault.reason
    assert sealed({**KEPT, "password": "abc", **change}, KEPT)["password"] == "sealed:cba"


COMMAND: dict[str, Any] = {
    "command": "check_api http://api.internal/health",
    "environment": {"LANG": "de"},
    "secrets": {"TOKEN": "sealed:cba", "OTHER": "sealed:zyx"},
}
DOTTED: dict[str, Any] = {**COMMAND, "secrets": {"TOKEN": MASK, "OTHER": MASK}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"command": "check_http -H there.example -u http://there.example/"}, "command"),
        ({"command": ["check_api", "http://api.internal/health"]}, "command"),
        ({"environment": {"LANG": "de", "https_proxy": "http://there.example:3128"}}, "environment"),
        ({"environment": {}}, "environment"),
        ({"secrets": {"TOKEN": MASK, "https_proxy": "http://there.example:3128"}}, "secrets.https_proxy"),
        ({"secrets": {"TOKEN": MASK, "OTHER": "http://there.example"}}, "secrets.OTHER"),
    ],
)
def test_dots_give_a_programs_secrets_to_no_other_command_nor_environment(change: dict[str, Any], said: str):
    with pytest.raises(Faulty) as raised:
        seal({"config": {**DOTTED, **change}}, {"config": COMMAND}, frozenset({"secrets"}), TurnedVault())
    assert {fault.fix for fault in raised.value.faults} == {"give the secret again"}
    assert f"for another {said}" in raised.value.faults[0].reason


@pytest.mark.parametrize("secrets", [{"TOKEN": MASK, "OTHER": MASK}, {"TOKEN": MASK, "OTHER": "xyz"}, {"TOKEN": MASK}])
def test_dots_keep_the_secrets_of_a_command_that_stays(secrets: dict[str, str]):
    given = {"config": {**COMMAND, "secrets": secrets}}
    kept = seal(given, {"config": COMMAND}, frozenset({"secrets"}), TurnedVault())["config"]["secrets"]
    assert kept == {name: COMMAND["secrets"][name] for name in secrets}


def test_a_setting_that_was_not_given_had_its_default():
    before = {"config": {"password": "sealed:cba"}}

    def written(**more: Any) -> Any:
        body = {"config": {"password": MASK, **more}}
        return seal(body, before, SECRETS, TurnedVault(), {"verify_tls": True, "environment": {}})

    assert written(verify_tls=True, environment={})["config"]["password"] == "sealed:cba"
    with pytest.raises(Faulty, match="verify_tls"):
        written(verify_tls=False)


@pytest.mark.parametrize(
    "change",
    [{"url": "https://here.example/b?c"}, {"timeout": 9}, {"headers": {"X": "new"}}, {}],
)
def test_dots_keep_a_secret_that_stays_where_it_was(change: dict[str, Any]):
    assert sealed({**KEPT, "password": MASK, **change}, KEPT)["password"] == "sealed:cba"


@pytest.mark.parametrize("name", ["type", "host"])
def test_dots_send_no_secret_to_another_plug_in_or_host(name: str):
    before = {name: "one", "config": {"password": "sealed:cba"}}
    body = {name: "other", "config": {"password": MASK}}
    with pytest.raises(Faulty, match=name):
        seal(body, before, SECRETS, TurnedVault())
    assert seal({**body, name: "one"}, before, SECRETS, TurnedVault())["config"] == {"password": "sealed:cba"}


def test_an_address_that_is_a_secret_itself_may_be_kept_or_given_again():
    secrets = frozenset({"url", "secret"})
    before = {"config": {"url": "sealed:a//:sptth", "secret": "sealed:x"}}

    def written(url: str) -> dict[str, Any]:
        return seal({"config": {"url": url, "secret": MASK}}, before, secrets, TurnedVault())["config"]

    assert written(MASK) == written("https://a") == {"url": "sealed:a//:sptth", "secret": "sealed:x"}
    with pytest.raises(Faulty, match=r"config\.secret"):
        written("https://b")


class _LostKey(TurnedVault):
    def unseal(self, sealed: str) -> str:
        raise Permanent("sealed with another key")


def test_what_no_key_opens_any_more_can_be_given_again():
    before = {"config": {"password": "sealed:cba"}}
    body = {"config": {"password": "new"}}
    assert seal(body, before, SECRETS, _LostKey())["config"] == {"password": "sealed:wen"}
