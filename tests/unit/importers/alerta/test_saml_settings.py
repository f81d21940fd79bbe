"""Alerta's settings of SAML 2 as a provider of ours."""

from pathlib import Path

from watchbell.importers.alerta import Alerta
from watchbell.loading import Beneath, load

CONF = """
AUTH_PROVIDER = 'saml2'
AUTH_REQUIRED = True
SAML2_METADATA_URL = 'https://idp.example/metadata'
SAML2_ENTITY_ID = 'https://alerta.example/us'
SAML2_EMAIL_ATTRIBUTE = 'mail'
ALLOWED_SAML2_GROUPS = ['ops']
ALLOWED_EMAIL_DOMAINS = ['example.org']
SAML2_CONFIG = {'service': {}}
"""


def test_saml_becomes_ours(tmp_path: Path):
    file = tmp_path / "alertad.conf"
    file.write_text(CONF)
    imported = Alerta().read(file, {})
    provider = {
        "type": "saml",
        "name": "saml",
        "metadata_url": "https://idp.example/metadata",
        "entity_id": "https://alerta.example/us",
        "trust_email": True,
        "email_attributes": ["mail"],
        "login_attributes": ["mail"],
        "allowed_groups": ["ops"],
        "allowed_domains": ["example.org"],
    }
    assert imported.settings["login"] == {"providers": [provider], "alerta_provider": "saml"}
    assert {remark.what for remark in imported.remarks} == {"SAML2_CONFIG"}
    assert load(environment={}, beneath=Beneath(imported.settings, "x")).login.providers == [provider]


def test_without_metadata_it_is_left_out(tmp_path: Path):
    file = tmp_path / "alertad.conf"
    file.write_text("AUTH_PROVIDER = 'saml2'")
    imported = Alerta().read(file, {})
    assert "login" not in imported.settings
    assert any("left out" in remark.reason for remark in imported.remarks)
