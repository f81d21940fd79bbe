"""Logging in by a directory, with Alerta's own command line."""

import json
import re
from pathlib import Path

import pytest

from acceptance.installation import SingleMachine
from servers.alerta import AlertaCommand, AlertaRunner, typed
from servers.certificates import TestAuthority
from servers.ldap import GROUPS, PEOPLE, SEARCHER, SEARCHER_PASSWORD, LdapServer
from servers.ldap import PASSWORD as THERE

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


def test_logging_in_by_a_directory(
    ldap_server: LdapServer, alerta_program: AlertaRunner, tmp_path: Path, test_authority: TestAuthority
):
    del ldap_server  # where there is no slapd this is skipped; the directory of this test goes away
    with LdapServer(test_authority) as directory:
        provider = {
            "type": "ldap",
            "name": "staff",
            "title": "The staff's directory",
            "url": directory.url,
            "ca_file": str(test_authority.ca_file),
            "bind_dn": SEARCHER,
            "bind_password": SEARCHER_PASSWORD,
            "user_base": PEOPLE,
            "user_filter": "(uid={username})",
            "group_base": GROUPS,
            "group_filter": "(member={dn})",
            "roles": {"admins": "admin"},
            "allowed_groups": ["staff"],
        }
        providers = json.dumps([provider])
        machine = SingleMachine(WATCHBELL_LOGIN__PROVIDERS=providers, WATCHBELL_LOGIN__ALERTA_PROVIDER="staff")
        try:
            _log_in_by(machine, AlertaCommand(alerta_program, f"{machine.url}/api", tmp_path), directory)
        finally:
            machine.stop()
        assert SEARCHER_PASSWORD not in machine.process.log()


def _log_in_by(machine: SingleMachine, alerta: AlertaCommand, directory: LdapServer) -> None:
    here = {"login": "boss", "name": "Boss", "password": PASSWORD, "roles": ["admin"]}
    machine.call("POST", "/api/user", here, 201)
    assert machine.call("GET", "/api/config")["provider"] == "ldap"
    assert SEARCHER_PASSWORD not in machine.call("GET", "/api/management/properties")
    assert "Logged in as ann" in typed(alerta, "login", "ann", answers=[THERE])
    assert "admin read write" in alerta("whoami", "-u")
    assert re.search(r"^provider +: ldap$", alerta("token", "-D"), re.MULTILINE)
    assert "Logged in as bob" in typed(alerta, "login", "bob", answers=[THERE])
    assert "read write" in alerta("whoami", "-u")
    assert "Invalid username or password" in typed(alerta, "login", "bob", answers=["wrong"])
    assert "they belong to none of the allowed groups" in typed(alerta, "login", "hidden", answers=[THERE])
    directory.process.stop()
    assert "The staff's directory does not answer." in typed(alerta, "login", "ann", answers=[THERE])
    assert "Logged in as boss" in typed(alerta, "login", "boss", answers=[PASSWORD])
