"""Which provider Alerta's own pages may offer."""

import pytest

from watchbell.loading import Beneath, InvalidConfiguration, load

SAML = {"type": "saml", "name": "idp", "metadata_url": "https://idp.example/metadata"}
LDAP = {"type": "ldap", "name": "staff", "url": "ldaps://d.example", "domains": {"d": "uid={username},dc=d"}}


@pytest.mark.parametrize(("name", "reason"), [("idp", "cannot log in by SAML"), ("other", "there is no provider")])
def test_one_that_they_cannot_offer_is_refused(name: str, reason: str):
    settings = {"login": {"providers": [SAML, LDAP], "alerta_provider": name}}
    with pytest.raises(InvalidConfiguration) as caught:
        load(environment={}, beneath=Beneath(settings, "x"))
    assert any("login.alerta_provider" in each and reason in each for each in caught.value.problems)


def test_a_directory_may_be_offered():
    settings = {"login": {"providers": [SAML, LDAP], "alerta_provider": "staff"}}
    assert load(environment={}, beneath=Beneath(settings, "x")).login.alerta_provider == "staff"
