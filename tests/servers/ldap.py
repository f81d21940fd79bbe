"""A directory: slapd with a configuration and people of the tests' own."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from servers.certificates import TestAuthority
from servers.process import Folder, ServerProcess, find_program, free_port, is_listening

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
SEARCHER, SEARCHER_PASSWORD = f"cn=search,{BASE}", "s3arch: with/odd characters"
PASSWORD = "the password of everybody"
ODD = "o,dd+(one)*"
"""A login that must be escaped wherever it goes, and that somebody has."""

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
# A server that takes a bind without a password for an anonymous one, as several directories do.
allow bind_anon_cred bind_anon_dn
TLSCACertificateFile {authority.ca_file}
TLSCertificateFile {authority.cert_file}
TLSCertificateKeyFile {authority.key_file}
database mdb
maxsize 16777216
suffix "{base}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to dn.base="uid=hidden,{people}" by dn="{searcher}" read by anonymous auth by * none
access to * by dn="{searcher}" read by users read by anonymous auth
"""


class LdapServer:
    """The directory, at ``url`` (with StartTLS) and ``tls_url``.

    ann is in the groups admins and staff, bob in staff. Two people share the mail address of ``twin``, one has the
    login ``ODD``, and nobody but the search account reads the entry of ``hidden``. Somewhere below the people is a
    reference to ``referral``.
    """

    def __init__(self, authority: TestAuthority, referral: str = "ldap://127.0.0.1:9/") -> None:
        slapd = find_program("slapd", "slapd", "/usr/sbin")
        self._folder = Folder("ldap")
        self.port, self.tls_port = free_port(), free_port()
        self.url, self.tls_url = f"ldap://127.0.0.1:{self.port}", f"ldaps://localhost:{self.tls_port}"
        folder = self._folder.path
        (folder / "data").mkdir()
        self._configuration = folder / "slapd.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(folder=folder, authority=authority, base=BASE, people=PEOPLE, searcher=SEARCHER)
        )
        (folder / "people.ldif").write_text(_people(referral))
        addresses = f"{self.url}/ ldaps://127.0.0.1:{self.tls_port}/"
        self.process = ServerProcess(
            "slapd", [slapd, "-d", "256", "-f", str(self._configuration), "-h", addresses], folder=folder
        )

    def start(self) -> Self:
        """Start it and wait until it takes connections."""
        self.process.start().wait_ready(lambda: is_listening(self.port) and is_listening(self.tls_port))
        return self

    def binds(self) -> list[str]:
        """The names that were bound with so far, in order."""
        lines = [line for line in self.process.log().splitlines() if " BIND dn=" in line and "method=128" in line]
        return [line.partition(' BIND dn="')[2].rpartition('" method=')[0] for line in lines]

    def close(self) -> None:
        """Stop it for good and remove its files."""
        self.process.kill()
        self._folder.remove()

    def __enter__(self) -> Self:
        folder: Path = self._folder.path
        slapadd = find_program("slapadd", "slapd", "/usr/sbin")
        command = [slapadd, "-q", "-f", str(self._configuration), "-l", str(folder / "people.ldif")]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _people(referral: str) -> str:
    entries = [
        _entry(BASE, "dcObject", "organization", dc="example", o="Example"),
        _entry(PEOPLE, "organizationalUnit", ou="people"),
        _entry(GROUPS, "organizationalUnit", ou="groups"),
        _entry(SEARCHER, "applicationProcess", "simpleSecurityObject", cn="search", userPassword=SEARCHER_PASSWORD),
        _person("ann", "Ann Example", "ann@example.org", "desk"),
        _person("bob", "Bob Example", "bob@example.org"),
        _person("twin-1", "First", "twin@example.org"),
        _person("twin-2", "Second", "twin@example.org"),
        _person("hidden", "Hidden", "hidden@example.org"),
        _person(ODD, "Odd One", "odd@example.org"),
        _entry(f"ou=elsewhere,{PEOPLE}", "referral", "extensibleObject", ou="elsewhere", ref=f"{referral}{PEOPLE}"),
        _group("admins", "ann"),
        _group("staff", "ann", "bob"),
    ]
    return "\n\n".join(entries) + "\n"


def _entry(dn: str, *classes: str, **values: str) -> str:
    lines = [f"dn: {dn}", *(f"objectClass: {name}" for name in classes)]
    return "\n".join(lines + [f"{name}: {value}" for name, value in values.items()])


def _dn(login: str) -> str:
    escaped = login.replace(",", "\\,").replace("+", "\\+")
    return f"uid={escaped},{PEOPLE}"


def _person(login: str, name: str, mail: str, unit: str = "none") -> str:
    values = {"uid": login, "cn": name, "sn": "Example", "mail": mail, "ou": unit, "userPassword": PASSWORD}
    return _entry(_dn(login), "inetOrgPerson", **values)


def _group(name: str, *members: str) -> str:
    lines = [_entry(f"cn={name},{GROUPS}", "groupOfNames", cn=name)]
    return "\n".join(lines + [f"member: {_dn(member)}" for member in members])
