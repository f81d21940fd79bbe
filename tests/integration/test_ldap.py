"""A directory, asked about people: OpenLDAP's slapd, with and against certificates, and hostile names."""

import asyncio
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from servers.certificates import TestAuthority
from servers.ldap import BASE, GROUPS, ODD, PASSWORD, PEOPLE, SEARCHER, SEARCHER_PASSWORD, LdapServer
from watchbell.adapters.login.ldap import LdapKeeper
from watchbell.domain.admission import Identity
from watchbell.domain.errors import Retryable, Unauthenticated
from watchbell.toolkit.login_providers import read_providers


def keeper(server: LdapServer, authority: TestAuthority, **more: Any) -> LdapKeeper:
    """A directory that finds people by their login or mail address, with an account to search with."""
    searching = {"bind_dn": SEARCHER, "bind_password": SEARCHER_PASSWORD}
    finding = {"user_base": PEOPLE, "user_filter": "(|(uid={username})(mail={login}))"}
    grouping = {"group_base": GROUPS, "group_filter": "(&(objectClass=groupOfNames)(member={dn}))"}
    return made(server, authority, **searching | finding | grouping | more)


def made(server: LdapServer, authority: TestAuthority, **more: Any) -> LdapKeeper:
    usual = {"type": "ldap", "name": "staff", "url": server.url, "ca_file": str(authority.ca_file)}
    (settings,) = read_providers([usual | more])
    return LdapKeeper(settings)  # pyright: ignore[reportArgumentType] - the type says that it is one


@pytest.mark.parametrize("typed", ["ann", "Ann", " ann ", "ann@example.org", "EXAMPLE\\ann"])
@pytest.mark.parametrize("encrypted", ["from the first byte", "by StartTLS"])
async def test_a_person_is_found_and_proved(
    ldap_server: LdapServer, test_authority: TestAuthority, typed: str, encrypted: str
):
    url = ldap_server.url if encrypted == "by StartTLS" else ldap_server.tls_url
    found = await keeper(ldap_server, test_authority, url=url).check(typed, PASSWORD)
    assert (found.issuer, found.login, found.name) == ("ldap:staff", "ann", "Ann Example")
    assert (found.email, found.email_verified) == ("ann@example.org", False)
    assert set(found.groups) == {"admins", "staff"}
    assert len(found.subject) == 36, "the entry's UUID"


@pytest.mark.parametrize("typed", ["ann@example.org", "EXAMPLE.ORG\\ann", "ann", "Ann"])
async def test_a_person_may_be_called_by_a_rule(ldap_server: LdapServer, test_authority: TestAuthority, typed: str):
    rule = {"domains": {"example.org": f"uid={{username}},{PEOPLE}"}, "default_domain": "example.org"}
    asked = made(
        ldap_server, test_authority, **rule, group_base=GROUPS, group_filter="(member={dn})", group_attribute="dn"
    )
    found = await asked.check(typed, PASSWORD)
    assert (found.login, found.name) == ("ann", "Ann Example")
    assert set(found.groups) == {f"cn=admins,{GROUPS}", f"cn=staff,{GROUPS}"}
    same = await keeper(ldap_server, test_authority).check("ann", PASSWORD)
    assert found.subject == same.subject, "whichever way somebody came in"
    with pytest.raises(Unauthenticated):
        await asked.check("ann@elsewhere.example", PASSWORD)


async def test_who_is_called_by_a_rule_may_be_found_by_a_filter_as_themselves(
    ldap_server: LdapServer, test_authority: TestAuthority
):
    rule = {"domains": {"example.org": f"uid={{username}},{PEOPLE}"}, "user_base": BASE}
    asked = made(ldap_server, test_authority, **rule, user_filter="(uid={username})", member_of_attribute="ou")
    found = await asked.check("ann@example.org", PASSWORD)
    assert found.groups == ("desk",)
    # The rule's name proves nothing of the entry that the filter finds.
    other = made(ldap_server, test_authority, **rule, user_filter="(&(uid=bob)(!(uid={username})))")
    assert (await other.check("ann@example.org", PASSWORD)).login == "bob", "both have the same password here"


@pytest.mark.parametrize(
    "typed",
    [
        "*",
        "a*",
        "*)(uid=*",
        "ann)(&",
        "ann)(|(uid=*))(x=",
        "*)(|(objectClass=*",
        "\\2a",
        "ann\x00",
        "a\u00adnn",
        "ann\ufe0f",
        "ann\n",
        "",
        " ",
        "@example.org",
        "\ud800",
        "x" * 5000,
        f"ann,{PEOPLE}",
        "ann+uid=ann",
        f"x)(entryDN=uid=ann,{PEOPLE}",
    ],
)
@pytest.mark.parametrize("way", ["filter", "rule"])
async def test_hostile_names_find_nobody(ldap_server: LdapServer, test_authority: TestAuthority, typed: str, way: str):
    rule = {"domains": {"d": f"uid={{username}},{PEOPLE}"}, "default_domain": "d"}
    asked = keeper(ldap_server, test_authority) if way == "filter" else made(ldap_server, test_authority, **rule)
    if typed == "ann\n":  # around a name, space is no part of it
        assert (await asked.check(typed, PASSWORD)).login == "ann"
        return
    with pytest.raises(Unauthenticated):
        await asked.check(typed, PASSWORD)


async def test_names_with_odd_signs_are_names(ldap_server: LdapServer, test_authority: TestAuthority):
    rule = {"domains": {"d": f"uid={{username}},{PEOPLE}"}, "default_domain": "d"}
    assert (await keeper(ldap_server, test_authority).check(ODD, PASSWORD)).login == ODD
    assert (await made(ldap_server, test_authority, **rule).check(ODD, PASSWORD)).login == ODD


@pytest.mark.parametrize("password", ["", "wrong", "\u00ad", "\x00", "\ud800", PASSWORD + " ", "x" * 5000])
async def test_a_wrong_password_proves_nothing_and_an_empty_one_never_leaves(
    ldap_server: LdapServer, test_authority: TestAuthority, password: str
):
    before = len(ldap_server.binds())
    with pytest.raises(Unauthenticated):
        await keeper(ldap_server, test_authority).check("ann", password)
    if not password:
        assert len(ldap_server.binds()) == before


def test_the_directory_of_these_tests_does_take_an_empty_password(ldap_server: LdapServer):
    """Or the test above would show nothing."""
    name = f"uid=ann,{PEOPLE}".encode()
    bind = b"\x02\x01\x03\x04" + bytes([len(name)]) + name + b"\x80\x00"
    message = b"\x02\x01\x01\x60" + bytes([len(bind)]) + bind
    with socket.create_connection(("127.0.0.1", ldap_server.port)) as connection:
        connection.sendall(b"\x30" + bytes([len(message)]) + message)
        assert b"\x0a\x01\x00" in connection.recv(100), "success"


async def test_a_name_that_finds_several_proves_none(ldap_server: LdapServer, test_authority: TestAuthority):
    with pytest.raises(Unauthenticated):
        await keeper(ldap_server, test_authority).check("twin@example.org", PASSWORD)


async def test_who_is_hidden_is_found_by_the_account_that_may_see_them(
    ldap_server: LdapServer, test_authority: TestAuthority
):
    assert (await keeper(ldap_server, test_authority).check("hidden", PASSWORD)).name == "Hidden"
    rule = {"domains": {"d": f"uid={{username}},{PEOPLE}"}, "default_domain": "d"}
    with pytest.raises(Retryable, match="read the entry"):
        await made(ldap_server, test_authority, **rule).check("hidden", PASSWORD)


async def test_without_an_id_the_dn_is_the_person(ldap_server: LdapServer, test_authority: TestAuthority):
    asked = keeper(ldap_server, test_authority, id_attributes=["objectGUID"], login_attributes=["sAMAccountName"])
    found = await asked.check("ANN", PASSWORD)
    assert found.subject == f"uid=ann,{PEOPLE}", "as the directory writes it"
    assert found.login == "", "what somebody typed into a search is no name that was given to them"


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
async def test_a_certificate_of_somebody_else_ends_it_before_anything_is_sent(
    ldap_server: LdapServer, test_authority: TestAuthority, tmp_path: Any, scheme: str
):
    wrong = TestAuthority(tmp_path)
    url = ldap_server.url if scheme == "ldap" else ldap_server.tls_url
    before = len(ldap_server.binds())
    with pytest.raises(Retryable, match="certificate"):
        await keeper(ldap_server, wrong, url=url).check("ann", PASSWORD)
    with pytest.raises(Retryable, match="certificate"):
        await keeper(ldap_server, test_authority, url=url, ca_file="").check("ann", PASSWORD)
    assert len(ldap_server.binds()) == before
    found = await keeper(ldap_server, wrong, url=url, verify_tls=False).check("ann", PASSWORD)
    assert found.login == "ann"


async def test_a_certificate_for_another_name_is_refused(ldap_server: LdapServer, test_authority: TestAuthority):
    url = f"ldaps://127.0.0.2:{ldap_server.tls_port}"
    with forwarding("127.0.0.2", ldap_server.tls_port), pytest.raises(Retryable, match="certificate"):
        await keeper(ldap_server, test_authority, url=url).check("ann", PASSWORD)


async def test_what_is_set_up_wrong_is_said(ldap_server: LdapServer, test_authority: TestAuthority):
    with pytest.raises(Retryable, match="account to search with"):
        await keeper(ldap_server, test_authority, bind_password="wrong").check("ann", PASSWORD)
    with pytest.raises(Retryable, match="ca_file"):
        await keeper(ldap_server, test_authority, ca_file="/nowhere.pem").check("ann", PASSWORD)


async def test_a_directory_that_is_away_is_said_to_be(ldap_server: LdapServer, test_authority: TestAuthority):
    with pytest.raises(Retryable, match=r"LDAP does not answer\."):
        await keeper(ldap_server, test_authority, url="ldap://127.0.0.1:9").check("ann", PASSWORD)


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
async def test_a_directory_that_says_nothing_is_left_at_the_deadline(
    ldap_server: LdapServer, test_authority: TestAuthority, scheme: str
):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Retryable, match=r"LDAP does not answer\."):
            await keeper(ldap_server, test_authority, url=url, timeout=0.3).check("ann", PASSWORD)


async def test_what_is_no_directory_is_said_to_be_none(ldap_server: LdapServer, test_authority: TestAuthority):
    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        url = f"ldap://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Retryable, match="LDAP does not answer"):
            await keeper(ldap_server, test_authority, url=url, timeout=5.0).check("ann", PASSWORD)
        thread.join(5)


async def test_references_to_other_servers_are_not_followed(test_authority: TestAuthority):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        referral = f"ldap://127.0.0.1:{trap.getsockname()[1]}/"
        with LdapServer(test_authority, referral) as server:
            assert (await keeper(server, test_authority).check("ann", PASSWORD)).login == "ann"
            rule = {"domains": {"d": f"uid={{username}},ou=elsewhere,{PEOPLE}"}, "default_domain": "d"}
            with pytest.raises(Unauthenticated):
                await made(server, test_authority, **rule).check("ann", PASSWORD)
        with pytest.raises(TimeoutError):
            trap.accept()


async def test_many_at_once_all_come_in(ldap_server: LdapServer, test_authority: TestAuthority):
    asked = keeper(ldap_server, test_authority)
    found: list[Identity] = await asyncio.gather(*(asked.check("ann", PASSWORD) for _ in range(20)))
    assert {each.login for each in found} == {"ann"}


@contextmanager
def forwarding(host: str, port: int) -> Generator[None]:
    """The port of 127.0.0.1 under another address, for one connection."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # the other side hung up
            while data := source.recv(65536):
                sink.sendall(data)

    def serve(listener: socket.socket) -> None:
        try:
            left, _ = listener.accept()
        except OSError:
            return
        with left, socket.create_connection(("127.0.0.1", port)) as right:
            back = threading.Thread(target=pump, args=(right, left), daemon=True)
            back.start()
            pump(left, right)

    with socket.create_server((host, port)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield
        thread.join(5)
