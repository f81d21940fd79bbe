"""SAML 2: answers of a real identity provider, and what attackers make of them."""

import base64
import copy
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest

from servers.saml import IDP, PERSON, TRANSIENT, SamlIdp, posted
from servers.target import HttpTarget
from watchbell.adapters.login.saml import SamlProvider
from watchbell.domain.errors import Retryable, Unauthenticated
from watchbell.ports.login import Challenge
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.login_saml import Saml

HERE = "https://w.example/api/auth/saml"
CHALLENGE = Challenge(redirect=HERE, state="the-state", nonce="n0nce_-x")
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}"


class Now:
    """The clock that the identity provider has, too."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


@pytest.fixture(scope="module")
def idp(find_server_program: Callable[..., str]) -> Iterator[SamlIdp]:
    find_server_program("xmlsec1", "xmlsec1")
    with SamlIdp() as found:
        yield found


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(EgressPolicy(Egress(allow_loopback=True)))
    yield client
    await client.close()


def provider(server: SamlIdp, http: HttpClient, **more: Any) -> SamlProvider:
    where: dict[str, Any] = {} if "metadata_url" in more else {"metadata_file": str(server.metadata_file)}
    return SamlProvider(Saml(name="sso", **where | more), http, Now())


async def answered(idp: SamlIdp, asked: SamlProvider, **changed: Any) -> str:
    """What the identity provider answers to our request."""
    xml, state = idp.answer(await asked.address(CHALLENGE), asked.description(HERE), **changed)
    assert state == CHALLENGE.state
    return xml


async def test_who_comes_back_is_who_the_signed_assertion_says(idp: SamlIdp, http: HttpClient):
    asked = provider(idp, http)
    url = await asked.address(CHALLENGE)
    assert url.startswith("https://idp.example/sso?SAMLRequest=")
    found = await asked.redeem(posted(await answered(idp, asked)), CHALLENGE)
    assert (found.issuer, found.subject, found.login) == ("saml:sso", "person-1", "ann")
    assert (found.name, found.email, found.email_verified) == ("Ann Example", "ann@example.org", False)
    assert found.groups == ("ops", "dev")


async def test_attributes_of_other_names_are_read_where_the_settings_say_so(idp: SamlIdp, http: HttpClient):
    asked = provider(
        idp, http, id_attribute="number", login_attributes=["account"], group_attributes=["teams"], name_attributes=[]
    )
    person = PERSON | {"number": "7", "account": "a7", "teams": ["x"]}
    found = await asked.redeem(posted(await answered(idp, asked, person=person, format=TRANSIENT)), CHALLENGE)
    assert (found.subject, found.login, found.name, found.groups) == ("7", "a7", "", ("x",))


async def test_attributes_may_be_named_as_on_the_wire(idp: SamlIdp, http: HttpClient):
    asked = provider(idp, http, login_attributes=["urn:mace:dir:attribute-def:mail"])
    xml = await answered(idp, asked)
    assert 'Name="urn:mace:dir:attribute-def:mail"' in xml
    assert (await asked.redeem(posted(xml), CHALLENGE)).login == "ann@example.org"


async def test_a_name_that_changes_each_time_is_nobody(idp: SamlIdp, http: HttpClient):
    asked = provider(idp, http)
    with pytest.raises(Unauthenticated, match="id_attribute"):
        await asked.redeem(posted(await answered(idp, asked, format=TRANSIENT)), CHALLENGE)


@pytest.mark.parametrize(
    "changed",
    [
        {"signed": False},
        {"in_response_to": "_another"},
        {"in_response_to": ""},
        {"audience": "https://other.example/metadata"},
        {"destination": "https://evil.example/acs"},
        {"lifetime": {"minutes": -10}},
        {
            "sign_alg": "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            "digest_alg": "http://www.w3.org/2000/09/xmldsig#sha1",
        },
        {"digest_alg": "http://www.w3.org/2000/09/xmldsig#sha1"},
    ],
)
async def test_an_answer_that_is_unsigned_or_anothers_or_old_is_refused(
    idp: SamlIdp, http: HttpClient, changed: dict[str, Any]
):
    asked = provider(idp, http)
    with pytest.raises(Unauthenticated):
        await asked.redeem(posted(await answered(idp, asked, **changed)), CHALLENGE)


async def test_an_answer_to_another_log_in_is_refused(idp: SamlIdp, http: HttpClient):
    asked = provider(idp, http)
    answer = posted(await answered(idp, asked))
    for other in (
        Challenge(redirect=HERE, state="the-state", nonce="another"),
        Challenge(redirect="https://other.example/api/auth/saml", state="the-state", nonce="n0nce_-x"),
        Challenge(redirect=HERE),
    ):
        with pytest.raises(Unauthenticated):
            await asked.redeem(answer, other)


async def test_only_the_key_of_the_metadata_counts(idp: SamlIdp, http: HttpClient):
    with SamlIdp() as impostor:
        asked = provider(idp, http)
        with pytest.raises(Unauthenticated):
            await asked.redeem(posted(await answered(impostor, asked)), CHALLENGE)
    with SamlIdp("https://other.example/metadata") as other, pytest.raises(Unauthenticated):
        await asked.redeem(posted(await answered(other, asked)), CHALLENGE)


def _tampered(xml: str) -> str:
    return xml.replace("person-1", "person-2")


def _wrapped(place: Callable[[ET.Element, ET.Element, ET.Element], None], **evil: Any) -> Callable[[str], str]:
    """The answer with an assertion of the attacker's, somewhere beside or around the signed one."""

    def change(xml: str) -> str:
        root = ET.fromstring(xml)
        signed = root.find(f"{ASSERTION}Assertion")
        assert signed is not None
        forged = copy.deepcopy(signed)
        forged.set("ID", evil.get("id") or signed.get("ID") or "")
        name = forged.find(f"{ASSERTION}Subject/{ASSERTION}NameID")
        signature = forged.find(f"{SIGNATURE}Signature")
        assert name is not None
        assert signature is not None
        name.text = "person-2"
        if not evil.get("keeps_signature"):
            forged.remove(signature)
        place(root, signed, forged)
        return ET.tostring(root, encoding="unicode")

    return change


def _before(root: ET.Element, signed: ET.Element, forged: ET.Element) -> None:
    root.insert(list(root).index(signed), forged)


def _after(root: ET.Element, signed: ET.Element, forged: ET.Element) -> None:
    del signed
    root.append(forged)


def _around(root: ET.Element, signed: ET.Element, forged: ET.Element) -> None:
    root.remove(signed)
    forged.append(signed)
    root.append(forged)


def _in_advice(root: ET.Element, signed: ET.Element, forged: ET.Element) -> None:
    root.remove(signed)
    ET.SubElement(forged, f"{ASSERTION}Advice").append(signed)
    root.append(forged)


def _in_object(root: ET.Element, signed: ET.Element, forged: ET.Element) -> None:
    root.remove(signed)
    signature = forged.find(f"{SIGNATURE}Signature")
    assert signature is not None
    ET.SubElement(signature, f"{SIGNATURE}Object").append(signed)
    root.append(forged)


def _in_extensions(root: ET.Element, signed: ET.Element, forged: ET.Element) -> None:
    root.remove(signed)
    extensions = ET.Element(f"{PROTOCOL}Extensions")
    extensions.append(signed)
    root.insert(1, extensions)
    root.append(forged)


def _entity(xml: str) -> str:
    told = '<!DOCTYPE r [<!ENTITY who SYSTEM "file:///etc/hostname">]>'
    return xml.replace('<?xml version="1.0"?>', told).replace("person-1", "&who;")


def _laughs(xml: str) -> str:
    told = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(9))
    return xml.replace('<?xml version="1.0"?>', f"<!DOCTYPE r [{told}]>").replace("person-1", "&l8;")


def _plain_doctype(xml: str) -> str:
    return xml.replace('<?xml version="1.0"?>', "<!DOCTYPE Response>")


@pytest.mark.parametrize(
    "attack",
    [
        _tampered,
        _wrapped(_before, id="evil"),
        _wrapped(_after, id="evil"),
        _wrapped(_before),
        _wrapped(_after),
        _wrapped(_before, id="evil", keeps_signature=True),
        _wrapped(_after, keeps_signature=True),
        _wrapped(_around, id="evil"),
        _wrapped(_around, id="evil", keeps_signature=True),
        _wrapped(_in_advice, id="evil"),
        _wrapped(_in_advice, id="evil", keeps_signature=True),
        _wrapped(_in_advice, keeps_signature=True),
        _wrapped(_in_object, id="evil", keeps_signature=True),
        _wrapped(_in_object, keeps_signature=True),
        _wrapped(_in_extensions, id="evil"),
        _wrapped(_in_extensions, id="evil", keeps_signature=True),
        _entity,
        _laughs,
        _plain_doctype,
        lambda xml: xml[: len(xml) // 2],
        lambda xml: "<a/>",
        lambda xml: "",
    ],
)
async def test_attacks_on_the_answer_prove_nothing(idp: SamlIdp, http: HttpClient, attack: Callable[[str], str]):
    asked = provider(idp, http)
    good = await answered(idp, asked)
    bad = attack(good)
    assert bad != good
    with pytest.raises(Unauthenticated):
        await asked.redeem(posted(bad), CHALLENGE)


async def test_a_comment_does_not_cut_a_name_off(idp: SamlIdp, http: HttpClient):
    """A comment is no part of what is signed, and some readers stop at it."""
    asked = provider(idp, http)
    xml = (await answered(idp, asked, name_id="person-1.evil")).replace("person-1.evil", "person-1<!-- -->.evil")
    try:
        found = await asked.redeem(posted(xml), CHALLENGE)
    except Unauthenticated:
        return
    assert found.subject == "person-1.evil"


@pytest.mark.parametrize(
    "code", ["", "no base64 at all", "====", base64.b64encode(b"\xff\xfe").decode(), "A" * 400_000]
)
async def test_what_is_no_answer_is_refused(idp: SamlIdp, http: HttpClient, code: str):
    with pytest.raises(Unauthenticated):
        await provider(idp, http).redeem(code, CHALLENGE)


async def test_metadata_comes_by_http_and_is_kept(idp: SamlIdp, http: HttpClient):
    with HttpTarget() as target:
        target.answer_path("/metadata", body=idp.metadata)
        asked = provider(idp, http, metadata_url=f"{target.url}/metadata")
        query = parse_qs(urlsplit(await asked.address(CHALLENGE)).query)
        assert query["RelayState"] == [CHALLENGE.state]
        await asked.address(CHALLENGE)
        assert len(target.requests) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"metadata_url": "http://127.0.0.1:9/metadata"},
        {"metadata_file": "/nowhere.xml"},
        {"metadata_file": __file__},
        {"idp": "https://other.example/metadata"},
    ],
)
async def test_an_identity_provider_that_cannot_be_known_is_said_to_be(
    idp: SamlIdp, http: HttpClient, more: dict[str, Any]
):
    with pytest.raises(Retryable):
        await provider(idp, http, **more).address(CHALLENGE)


async def test_without_the_package_it_is_said_to_be_missing(
    idp: SamlIdp, http: HttpClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "saml2.config", None)
    with pytest.raises(Retryable, match="pysaml2"):
        await provider(idp, http).address(CHALLENGE)
    with pytest.raises(Retryable, match="pysaml2"):
        provider(idp, http).description(HERE)


async def test_the_one_of_several_that_the_settings_name_is_asked(idp: SamlIdp, http: HttpClient):
    asked = provider(idp, http, idp=IDP, entity_id="https://w.example/us")
    found = await asked.redeem(posted(await answered(idp, asked)), CHALLENGE)
    assert found.login == "ann"
    assert b'entityID="https://w.example/us"' in asked.description(HERE)
