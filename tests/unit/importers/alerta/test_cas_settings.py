"""Alerta's settings of CAS as a provider of ours."""

from pathlib import Path

import pytest

from watchbell.importers.alerta import Alerta
from watchbell.loading import Beneath, InvalidConfiguration, load

CONF = """
AUTH_PROVIDER = 'cas'
AUTH_REQUIRED = True
BASE_URL = 'https://alerta.example/api'
CAS_SERVER = 'https://cas.example/cas'
CAS_ROLE_CLAIM = 'alertaRoles'
CAS_RESPONSE_TYPE = 'JSON'
ALLOWED_EMAIL_DOMAINS = ['example.org']
"""


def test_cas_becomes_ours(tmp_path: Path):
    file = tmp_path / "alertad.conf"
    file.write_text(CONF)
    imported = Alerta().read(file, {})
    provider = {
        "type": "cas",
        "name": "cas",
        "url": "https://cas.example/cas",
        "validate_path": "/serviceValidate",
        "answer": "json",
        "trust_email": True,
        "link_by_login": True,
        "group_attributes": ["alertaRoles", "groups"],
        "allowed_domains": ["example.org"],
    }
    assert imported.settings["login"] == {"providers": [provider], "alerta_provider": "cas"}
    assert {remark.what for remark in imported.remarks} == {"CAS_ROLE_CLAIM"}
    loaded = load(environment={}, beneath=Beneath(imported.settings, "x"))
    assert loaded.login.providers == [provider]
    assert loaded.server.base_url == "https://alerta.example"


def test_from_the_environment_too(tmp_path: Path):
    file = tmp_path / "alertad.conf"
    file.write_text("AUTH_PROVIDER = 'cas'\nBASE_URL = 'https://alerta.example'")
    told = {"CAS_SERVER": "https://cas.example", "CAS_VALIDATE_ROUTE": "/p3/serviceValidate", "CAS_GROUP_CLAIM": "g"}
    imported = Alerta().read(file, told)
    assert imported.settings["login"]["providers"][0] == {
        "type": "cas",
        "name": "cas",
        "url": "https://cas.example",
        "validate_path": "/p3/serviceValidate",
        "answer": "auto",
        "trust_email": True,
        "link_by_login": True,
        "group_attributes": ["roles", "g"],
    }


def test_without_a_server_it_is_left_out(tmp_path: Path):
    file = tmp_path / "alertad.conf"
    file.write_text("AUTH_PROVIDER = 'cas'")
    imported = Alerta().read(file, {})
    assert "login" not in imported.settings
    assert any("left out" in remark.reason for remark in imported.remarks)


def test_the_address_that_tickets_are_for_must_be_told():
    provider = {"type": "cas", "name": "cas", "url": "https://cas.example"}
    settings = {"login": {"providers": [provider]}, "server": {"host": "0.0.0.0"}}
    with pytest.raises(InvalidConfiguration) as caught:
        load(environment={}, beneath=Beneath(settings, "x"))
    assert any("server.base_url" in each for each in caught.value.problems)
