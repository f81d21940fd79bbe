"""Which provider Alerta's own pages may offer."""

import pytest

from watchbell.bootstrap.login import offered
from watchbell.loading import Beneath, InvalidConfiguration, load

SAML = {"type": "saml", "name": "idp", "metadata_url": "https://idp.example/metadata"}
CAS = {"type": "cas", "name": "cas", "url": "https://cas.example"}
LDAP = {"type": "ldap", "name": "staff", "url": "ldaps://d.example", "domains": {"d": "uid={username},dc=d"}}


def test_one_that_there_is_not_is_refused():
    settings = {"login": {"providers": [SAML, LDAP], "alerta_provider": "other"}}
    with pytest.raises(InvalidConfiguration) as caught:
        load(environment={}, beneath=Beneath(settings, "x"))
    found = caught.value.problems
    assert any("login.alerta_provider" in each and "there is no provider" in each for each in found)


@pytest.mark.parametrize(("name", "word"), [("staff", "ldap"), ("idp", "saml2"), ("cas", "cas")])
def test_any_kind_may_be_offered_by_the_word_that_they_know(name: str, word: str):
    settings = {"login": {"providers": [SAML, LDAP, CAS], "alerta_provider": name}}
    loaded = load(environment={}, beneath=Beneath(settings, "x"))
    assert offered(loaded)["provider"] == word
