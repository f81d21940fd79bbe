"""Logging in by SAML from Alerta's own pages, which open a pop-up and wait for what it says."""

import json
from collections.abc import Callable, Iterator
from html import escape

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from acceptance.installation import SingleMachine
from e2e.sample import person
from servers.saml import SamlIdp, posted
from servers.target import HttpTarget

pytestmark = pytest.mark.slow
PAGE = """<!doctype html><title>Alerta</title><button id="in">Log in</button><output></output><script>
const heard = [];
document.getElementById("in").onclick = () => {
  const popup = window.open("%s/api/auth/saml", "Authentication in progress");
  window.addEventListener("message", (event) => {
    if (event.source !== popup) return;
    heard.push(event.origin);
    document.querySelector("output").textContent = JSON.stringify(event.data);
  });
};
</script>"""


@pytest.fixture(scope="module")
def idp(find_server_program: Callable[..., str]) -> Iterator[SamlIdp]:
    find_server_program("xmlsec1", "xmlsec1")
    with SamlIdp() as found:
        yield found


@pytest.fixture(scope="module")
def alerta() -> Iterator[HttpTarget]:
    """Where Alerta's pages are."""
    with HttpTarget() as found:
        yield found


@pytest.fixture(scope="module")
def known(idp: SamlIdp, alerta: HttpTarget) -> Iterator[SingleMachine]:
    provider = {"type": "saml", "name": "sso", "metadata_file": str(idp.metadata_file)}
    installation = SingleMachine(
        WATCHBELL_LOGIN__PROVIDERS=json.dumps([provider]),
        WATCHBELL_LOGIN__ALERTA_PROVIDER="sso",
        WATCHBELL_SERVER__CORS_ORIGINS=json.dumps([alerta.url]),
    )
    alerta.answer(body=PAGE % installation.url, headers={"Content-Type": "text/html"})
    try:
        person(installation)
        yield installation
    finally:
        installation.stop()


def sign_on(page: Page, known: SingleMachine, idp: SamlIdp) -> None:
    """Let the identity provider answer whoever is sent there, by a page that sends the answer by itself."""
    ours = httpx.get(f"{known.url}/api/auth/saml/metadata.xml").content

    def answer(route: Route) -> None:
        xml, state = idp.answer(route.request.url, ours)
        fields = {"SAMLResponse": posted(xml), "RelayState": state}
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items()
        )
        script = "<script>document.forms[0].submit()</script>"
        form = f'<form method="post" action="{known.url}/api/auth/saml">{hidden}</form>{script}'
        route.fulfill(body=form, content_type="text/html")

    page.context.route("https://idp.example/sso**", answer)


def test_the_page_that_asked_gets_a_token(known: SingleMachine, idp: SamlIdp, alerta: HttpTarget, page: Page) -> None:
    assert httpx.get(f"{known.url}/api/config").json()["provider"] == "saml2"
    sign_on(page, known, idp)
    page.goto(f"{alerta.url}/login")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Log in").click()
    expect(page.locator("output")).to_contain_text('"status":"ok"')
    said = json.loads(page.locator("output").inner_text())
    assert sorted(said) == ["status", "token"]
    assert page.evaluate("heard") == [known.url]
    token = {"Authorization": f"Bearer {said['token']}", "Origin": alerta.url}
    assert httpx.get(f"{known.url}/api/userinfo", headers=token).json()["preferred_username"] == "ann"
    if not opened.value.is_closed():
        opened.value.wait_for_event("close")
    assert page.request.get(f"{known.url}/api/session").status == 401, "the browser itself is not logged in here"


def test_only_the_pop_up_is_not_cut_off_from_its_opener(known: SingleMachine, alerta: HttpTarget) -> None:
    name, saml = "cross-origin-opener-policy", f"{known.url}/api/auth/saml"
    with httpx.Client(timeout=60) as client:
        begun = client.get(saml, headers={"Referer": f"{alerta.url}/login"})
        others = [client.get(saml), client.post(saml, data={"SAMLResponse": "x"}), client.get(f"{known.url}/")]
    assert (begun.status_code, begun.headers.get_list(name)) == (303, ["unsafe-none"])
    for answer in others:
        assert answer.headers.get_list(name) == ["same-origin"]


def test_a_page_of_another_origin_hears_nothing(known: SingleMachine, idp: SamlIdp, page: Page) -> None:
    sign_on(page, known, idp)
    with HttpTarget() as other:
        other.answer(body=PAGE % known.url, headers={"Content-Type": "text/html"})
        page.goto(f"{other.url}/login")
        with page.expect_popup() as opened:
            page.get_by_role("button", name="Log in").click()
        expect(opened.value.get_by_text("Only pages of the origins")).to_be_visible()
        assert page.evaluate("heard") == []


def test_another_page_in_the_place_of_the_one_that_asked_hears_nothing(
    known: SingleMachine, idp: SamlIdp, alerta: HttpTarget, page: Page
) -> None:
    """It asks from a good page, and another is there when the answer comes."""
    sign_on(page, known, idp)
    with HttpTarget() as other:
        listen = "<!doctype html><script>var heard = []; onmessage = (event) => heard.push(event.data)</script>"
        other.answer(body=listen, headers={"Content-Type": "text/html"})
        page.goto(f"{alerta.url}/login")
        page.context.unroute("https://idp.example/sso**")
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.context.route("https://idp.example/sso**", hold)
        with page.expect_popup() as opened:
            page.get_by_role("button", name="Log in").click()
        for _ in range(300):
            page.wait_for_timeout(100)
            if held:
                break
        assert held, "the pop-up waits at the identity provider"
        page.goto(f"{other.url}/")
        xml, state = idp.answer(held[0].request.url, httpx.get(f"{known.url}/api/auth/saml/metadata.xml").content)
        fields = {"SAMLResponse": posted(xml), "RelayState": state}
        hidden = "".join(f'<input name="{name}" value="{escape(value)}">' for name, value in fields.items())
        form = f'<form method="post" action="{known.url}/api/auth/saml">{hidden}</form>'
        held[0].fulfill(body=f"{form}<script>document.forms[0].submit()</script>", content_type="text/html")
        if not opened.value.is_closed():
            opened.value.wait_for_event("close")
        assert page.evaluate("heard") == []
