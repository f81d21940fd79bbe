"""On which terms providers' people come in."""

import pytest

from watchbell.domain.admission import Identity, Terms, mapped, refusal, tidied


def ann(**more: object) -> Identity:
    given = {"issuer": "i", "subject": "1", "login": "ann", "email": "ann@Example.org", "email_verified": True}
    return Identity(**(given | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        (Terms(), ""),
        (Terms(allowed_domains=("example.ORG",)), ""),
        (Terms(allowed_domains=("*",)), ""),
        (Terms(allowed_domains=("org",)), "their mail domain is not allowed"),
        (Terms(allowed_groups=("ops", "dev")), ""),
        (Terms(allowed_groups=("*",)), ""),
        (Terms(allowed_groups=("OPS",)), "they belong to none of the allowed groups"),
        (Terms(allowed_domains=("example.org",), allowed_groups=("x",)), "they belong to none of the allowed groups"),
    ],
)
def test_domains_and_groups(terms: Terms, why: str):
    assert refusal(ann(groups=("dev",)), terms) == why


def test_an_address_that_is_not_verified_opens_nothing():
    identity = ann(email_verified=False)
    terms = Terms(allowed_domains=("example.org",))
    assert refusal(identity, terms) == "the provider has not verified their mail address"
    assert tidied(identity, Terms(trust_email=True)).email_verified
    assert not tidied(ann(email="", email_verified=True), Terms(trust_email=True)).email_verified


def test_names_are_made_fit_for_us():
    hostile = ann(login="a b<script>\x00/\\'\"`:\u202e", name="A\nnn\x1b", groups=tuple(map(str, range(600))))
    found = tidied(hostile, Terms())
    assert found.login == "a-b-script-"
    assert found.name == "Ann"
    assert len(found.groups) == 500


def test_a_mapping_gives_and_takes_what_it_knows_and_leaves_the_rest():
    mapping = {"admins": "admin", "staff": "user", "bosses": "admin"}
    assert mapped(["ops", "user"], ["bosses", "admins"], mapping) == ("ops", "admin")
    assert mapped(["admin"], ["other", "admin"], mapping) == ()
    assert mapped(["admin"], [], {}) == ("admin",)
