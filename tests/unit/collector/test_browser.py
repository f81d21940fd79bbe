"""Browser sources: several beside each other, batches of the tag's requests, cookies that the server sets, CORS."""

import pytest

from collector_site import ELEMENT, JSON, JSON_EVENT, QUERY, Site
from watchbell.domain.events.raw import RawKind

SHOP = "https://shop.example"
ORIGIN = ("origin", SHOP)


async def test_several_sources_with_their_own_paths(tmp_path):
    sources = {
        "shop": {"type": "browser", "prefix": "/shop"},
        "blog": {"type": "browser", "prefix": "/blog/", "event_suffix": "e"},
        "app": {"type": "json"},
    }
    site = Site(tmp_path, sources=sources)
    for target in ("/shop/csc-event", "/blog/e"):
        assert (await site.ask("GET", f"{target}?{QUERY}")).status == 200
    assert (await site.ask("POST", "/?p=0:1:p", JSON, JSON_EVENT)).status == 204
    assert [raw.source for raw in site.raws()] == ["shop", "blog", "app"]
    for target in ("/csc-event", "/shop/e", "/blog/csc-event", "/events"):
        assert (await site.ask("GET", f"{target}?{QUERY}")).status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/shop//csc-event", 200),
        ("/shop/./csc-event", 200),
        ("/x/../shop/csc-event", 200),
        ("//shop/x/../csc-event", 200),
        ("/../shop/csc-event", 200),
        ("/shop/csc-event/", 404),
        ("/shop/csc-event/..", 404),
        ("/Shop/csc-event", 404),
    ],
)
async def test_paths_are_made_canonical(tmp_path, path, status):
    site = Site(tmp_path, sources={"shop": {"type": "browser", "prefix": "/shop"}})
    assert (await site.ask("GET", f"{path}?{QUERY}")).status == status
    assert len(site.raws()) == (status == 200)


async def test_a_batch_of_the_tags_requests_is_the_same_events(site):
    body = f"{QUERY}\r\n{QUERY.replace('e=e', 'e=f')}\n".encode()
    headers = [("content-type", "text/plain;charset=UTF-8"), ("user-agent", "agent")]
    answer = await site.ask("POST", "/csc-events", headers, body)
    assert (answer.status, answer.body) == (204, b"")
    first, second = site.raws()
    assert (first.kind, first.source, first.query, first.user_agent) == (RawKind.BROWSER, "browser", QUERY, "agent")
    assert second.query == QUERY.replace("e=e", "e=f")


@pytest.mark.parametrize(
    ("method", "headers", "body", "status"),
    [
        ("GET", [], b"", 405),
        ("POST", [("content-type", "text/html")], b"x", 415),
        ("POST", [], b"", 400),
        ("POST", [], b" \n" * 10, 400),
        ("POST", [], b"a\n" * 1001, 400),
        ("POST", [], b"a" * (256 * 1024 + 1), 413),
    ],
)
async def test_a_batch_that_is_none(site, method, headers, body, status):
    assert (await site.ask(method, "/csc-events", headers, body)).status == status
    assert site.raws() == []


async def test_batches_can_be_left_out(tmp_path):
    site = Site(tmp_path, sources={"b": {"type": "browser", "batches": False}})
    assert (await site.ask("POST", "/csc-events", [], QUERY.encode())).status == 404


def cookie_site(folder, **settings) -> Site:
    return Site(folder, sources={"b": {"type": "browser", "server_cookie": True, **settings}})


async def test_the_server_sets_the_cookie_when_it_is_asked_to(tmp_path):
    site = cookie_site(tmp_path)
    answer = await site.ask("GET", f"/csc-event?{QUERY}&ck=1")
    expected = "_dvp=0:1:p; Path=/; Max-Age=34560000; Secure; SameSite=Lax"
    assert answer.answer["set-cookie"] == expected  # 400 days
    answer = await site.ask("POST", "/csc-events?ck=1", [], f"{QUERY}\n{QUERY}".encode())
    assert answer.answer["set-cookie"] == expected
    assert "set-cookie" not in (await site.ask("GET", f"/csc-event?{QUERY}")).answer


async def test_the_cookie_follows_its_settings(tmp_path):
    site = cookie_site(
        tmp_path, party_cookie="who", party_timeout=60, cookie_domain="example.org", cookie_same_site="none"
    )
    answer = await site.ask("GET", f"/csc-event?{QUERY}&ck=1")
    assert answer.answer["set-cookie"] == "who=0:1:p; Path=/; Max-Age=60; Domain=example.org; Secure; SameSite=None"


async def test_no_cookie_unless_the_source_allows_it(site):
    answer = await site.ask("GET", f"/csc-event?{QUERY}&ck=1")
    assert (answer.status, "set-cookie" in answer.answer) == (200, False)


@pytest.mark.parametrize(
    "party", ["0:1:p%0d%0aset-cookie:%20x=y", "0:1:p;x", "nothing", "0:1:p%22", "0:1:" + "p" * 200]
)
async def test_no_cookie_with_what_no_tag_made(tmp_path, party):
    site = cookie_site(tmp_path)
    answer = await site.ask("GET", f"/csc-event?{QUERY.replace('p=0:1:p', f'p={party}', 1)}&ck=1")
    assert (answer.status, "set-cookie" in answer.answer) == (200, False)


TARGETS = [
    ("GET", f"/csc-event?{QUERY}", [], b"", "GET"),
    ("POST", "/csc-events", [], QUERY.encode(), "POST"),
    ("POST", "/json-event?p=0:1:p", JSON, JSON_EVENT, "POST"),
    ("POST", "/events", JSON, b"[%s]" % str(ELEMENT).replace("'", '"').encode(), "POST"),
]


@pytest.mark.parametrize(("method", "target", "headers", "body", "methods"), TARGETS)
async def test_cors_for_a_listed_origin_on_every_source(tmp_path, method, target, headers, body, methods):
    site = Site(tmp_path, origins=(SHOP,))
    asking = [ORIGIN, ("access-control-request-method", method), ("access-control-request-headers", "Content-Type, X")]
    preflight = await site.ask("OPTIONS", target, asking)
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.answer["access-control-allow-methods"] == methods
    assert preflight.answer["access-control-allow-headers"] == "content-type"
    answer = await site.ask(method, target, [*headers, ORIGIN], body)
    assert answer.status in {200, 204}
    for each in (preflight, answer):
        assert each.answer["access-control-allow-origin"] == SHOP
        assert each.answer["access-control-allow-credentials"] == "true"
        assert each.answer["vary"] == "Origin"
    assert len(site.raws()) == 1


@pytest.mark.parametrize(("method", "target", "headers", "body", "methods"), TARGETS)
async def test_cors_not_for_other_origins(tmp_path, method, target, headers, body, methods):
    site = Site(tmp_path, origins=(SHOP,))
    other = ("origin", "https://shop.example.evil.example")
    preflight = await site.ask("OPTIONS", target, [other, ("access-control-request-method", method)])
    assert (preflight.status, preflight.answer["allow"]) == (405, methods)
    answer = await site.ask(method, target, [*headers, other], body)
    assert answer.status in {200, 204}  # the event was sent; the page may only not read the answer
    for each in (preflight, answer):
        assert not [name for name in each.answer if name.startswith("access-control")]


@pytest.mark.parametrize(("method", "target", "headers", "body", "methods"), TARGETS)
async def test_cors_for_all_is_without_credentials(tmp_path, method, target, headers, body, methods):
    site = Site(tmp_path, origins=("*",))
    assert (await site.ask("OPTIONS", target, [ORIGIN])).answer["access-control-allow-methods"] == methods
    answer = await site.ask(method, target, [*headers, ORIGIN], body)
    assert answer.answer["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.answer


async def test_origins_of_one_source(tmp_path):
    sources = {
        "a": {"type": "browser", "origins": [SHOP]},
        "b": {"type": "browser", "prefix": "/b", "javascript_name": "b.js"},
    }
    site = Site(tmp_path, sources=sources)
    assert "access-control-allow-origin" in (await site.ask("GET", f"/csc-event?{QUERY}", [ORIGIN])).answer
    assert "access-control-allow-origin" not in (await site.ask("GET", f"/b/csc-event?{QUERY}", [ORIGIN])).answer


async def test_a_repeated_request_of_another_origin_may_be_read_too(tmp_path):
    site = Site(tmp_path, origins=(SHOP,))
    etag = ("if-none-match", '"6b3edc43-20ec-4078-bc47-e965dd76b88a"')
    answer = await site.ask("GET", f"/csc-event?{QUERY}", [ORIGIN, etag])
    assert (answer.status, answer.answer["access-control-allow-origin"], site.raws()) == (304, SHOP, [])


async def test_without_origins_the_answer_is_divoltes_to_the_letter(site):
    answer = await site.ask("GET", f"/csc-event?{QUERY}", [ORIGIN])
    assert not {"access-control-allow-origin", "vary", "set-cookie"} & set(answer.answer)
    assert (await site.ask("OPTIONS", "/csc-event", [ORIGIN])).status == 405


@pytest.mark.parametrize(("method", "target", "headers", "body"), [target[:4] for target in TARGETS])
async def test_a_page_may_read_when_to_come_again(tmp_path, method, target, headers, body):
    site = Site(tmp_path, journal_bytes=10, origins=(SHOP,))
    answer = await site.ask(method, target, [*headers, ORIGIN], body)
    assert (answer.status, answer.answer["access-control-allow-origin"]) == (503, SHOP)
    assert answer.answer["access-control-expose-headers"] == "retry-after"
