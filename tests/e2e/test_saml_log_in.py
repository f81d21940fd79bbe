"""Logging in by SAML in a browser, whose cookies stay back when another site posts."""

import json
from collections.abc import Callable, Iterator
from html import escape

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from acceptance.installation import SingleMachine
from e2e.sample import person
from servers.saml import SamlIdp, posted

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def idp(find_server_program: Callable[..., str]) -> Iterator[SamlIdp]:
    find_server_program("xmlsec1", "xmlsec1")
    with SamlIdp() as found:
        yield found


@pytest.fixture(scope="module")
def known(idp: SamlIdp) -> Iterator[SingleMachine]:
    """A machine that knows the identity provider."""
    provider = {"type": "saml", "name": "sso", "title": "the company", "metadata_file": str(idp.metadata_file)}
    installation = SingleMachine(WATCHBELL_LOGIN__PROVIDERS=json.dumps([provider]))
    try:
        person(installation)
        yield installation
    finally:
        installation.stop()


def test_the_way_there_and_back(known: SingleMachine, idp: SamlIdp, page: Page) -> None:
    ours = httpx.get(f"{known.url}/api/auth/saml/metadata.xml").content
    brought: list[str] = []

    def sign_on(route: Route) -> None:
        """The page of the identity provider, which sends the answer by itself."""
        xml, state = idp.answer(route.request.url, ours)
        fields = {"SAMLResponse": posted(xml), "RelayState": state}
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items()
        )
        script = "<script>document.forms[0].submit()</script>"
        body = f'<form method="post" action="{known.url}/api/auth/saml">{hidden}</form>{script}'
        route.fulfill(body=body, content_type="text/html")

    page.route("https://idp.example/sso**", sign_on)
    page.on("request", lambda request: brought.append(request.method) if request.url.endswith("/auth/saml") else None)
    page.goto(f"{known.url}/alerts?q=x")
    page.get_by_role("button", name="Log in with the company").click()
    expect(page.locator("h1")).not_to_be_empty()
    page.wait_for_url(f"{known.url}/alerts?q=x")
    session = page.request.get(f"{known.url}/api/session").json()
    assert session["user"]["login"] == "ann"
    assert brought == ["POST", "POST"], "the second time with the cookie"
