"""The tag as it is served: its headers, its settings, its size."""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from collector_site import Request, Site
from watchbell.collector.sources import BrowserSource, read_sources
from watchbell.collector.tag import NOT_BUILT, ROOT, Tag, tag_settings, takes_gzip, watchbell_settings

LIMITS = {"divolte.js": 3_000, "watchbell.js": 6_500, "watchbell.mjs": 5_500}
"""Bytes, compressed. A page pays for each of them before it is shown."""


def source_of(**settings: Any) -> BrowserSource:
    """A browser source with these settings, checked as the collector checks them."""
    made = read_sources({"browser": {"type": "browser", **settings}})["browser"]
    assert isinstance(made, BrowserSource)
    return made


async def ask(tag: Tag, path: str, method: str = "GET", **headers: str) -> Request:
    request = Request(method, path, [(name.replace("_", "-"), value) for name, value in headers.items()], [])
    await dict(tag.routes())[path](request, request)
    return request


@pytest.fixture
def tag() -> Tag:
    return Tag(source_of())


async def test_divolte_js_is_served_with_the_headers_of_divolte_and_no_others(tag, vectors):
    answer = await ask(tag, "/divolte.js")
    expected = {k.lower(): v for k, v in vectors["http_surface"]["GET /divolte.js"]["headers"].items()}
    digest = base64.b64encode(hashlib.sha256(answer.body).digest()).decode()
    assert answer.status == 200
    assert answer.answer == {**expected, "etag": f'"{digest}"'}


async def test_the_compressed_script_is_the_same_under_another_etag(tag):
    plain = await ask(tag, "/divolte.js")
    small = await ask(tag, "/divolte.js", accept_encoding="br, gzip;q=0.8")
    assert gzip.decompress(small.body) == plain.body
    assert small.answer["content-encoding"] == "gzip"
    assert small.answer["etag"] == plain.answer["etag"].replace('"', '"gz+', 1)
    assert "content-encoding" not in plain.answer


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("deflate, GZIP", True),
        ("gzip; q=0.001", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=1.0", True),
        ("x-gzip", False),
        ("br", False),
    ],
)
def test_gzip_is_sent_to_whoever_takes_it(header, taken):
    assert takes_gzip(header) is taken


@pytest.mark.parametrize("accepted", [{}, {"accept_encoding": "gzip"}])
async def test_what_a_browser_has_is_not_sent_again(tag, accepted):
    first = await ask(tag, "/divolte.js", **accepted)
    again = await ask(tag, "/divolte.js", **accepted, if_none_match=f'"other", W/{first.answer["etag"]}')
    assert (again.status, again.body) == (304, b"")
    assert again.answer["etag"] == first.answer["etag"]
    assert again.answer["cache-control"] == "public, max-age=3600"
    assert (await ask(tag, "/divolte.js", **accepted, if_none_match='"other"')).status == 200


async def test_other_methods_are_refused(tag):
    refused = await ask(tag, "/divolte.js", "HEAD")
    assert (refused.status, refused.answer["allow"]) == (405, "GET")
    head = await ask(tag, "/watchbell.js", "HEAD")
    whole = await ask(tag, "/watchbell.js")
    assert (head.status, head.body, head.answer["content-length"]) == (200, b"", str(len(whole.body)))


async def test_watchbell_js_has_an_address_for_ever(tag):
    newest = await ask(tag, "/watchbell.js")
    fixed = await ask(tag, tag.versioned)
    assert re.fullmatch(r"/watchbell-[0-9a-f]{16}\.js", tag.versioned)
    assert fixed.body == newest.body
    assert fixed.answer["cache-control"] == "public, max-age=31536000, immutable"
    assert newest.answer["cache-control"] == "public, max-age=3600"
    assert fixed.answer["access-control-allow-origin"] == "*"
    assert Tag(source_of(consent="pending")).versioned != tag.versioned
    digest = base64.b64encode(hashlib.sha384(fixed.body).digest()).decode()
    assert tag.scripts[tag.versioned].integrity == f"sha384-{digest}"


async def test_the_module_and_its_types_are_served(tag):
    module = await ask(tag, "/watchbell.mjs")
    assert module.body.startswith(b'const __TAG__={"name":"watchbell.js"')
    assert module.answer["content-type"] == "application/javascript"
    assert b"export function start(" in (await ask(tag, "/watchbell.d.mts")).body


def test_settings_reach_the_scripts():
    source = source_of(
        event_suffix="track",
        party_cookie="p",
        party_timeout=1e12,
        session_cookie="s",
        session_timeout=5,
        cookie_domain="example.com",
        javascript_name="a.js",
        watchbell_name="b.js",
        javascript_logging=True,
        auto_page_view_event=False,
        event_timeout=1.5,
        batches=False,
        server_cookie=True,
        cookie_same_site="strict",
        consent="pending",
        global_privacy_control="denied",
        do_not_track="cookieless",
        route_page_views="hash",
        report_errors=True,
        report_vitals=True,
    )
    plain = {
        "name": "a.js",
        "suffix": "track",
        "partyCookie": "p",
        "partySeconds": 2**31 - 1,
        "sessionCookie": "s",
        "sessionSeconds": 5,
        "domain": "example.com",
        "eventTimeout": 1500,
        "autoPageView": False,
        "logging": True,
    }
    more = {
        "name": "b.js",
        "batch": "",
        "consent": "pending",
        "gpc": "denied",
        "dnt": "cookieless",
        "routes": "hash",
        "errors": True,
        "vitals": True,
        "serverCookie": True,
        "sameSite": "strict",
    }
    assert tag_settings(source) == plain
    assert watchbell_settings(source) == {**plain, **more}


def test_settings_are_put_in_as_data(tmp_path):
    for name in ("divolte.js", "watchbell.js", "watchbell.mjs", "watchbell.d.mts"):
        (tmp_path / name).write_text("(function(e){})")
    # No setting that passes the checks looks like this; what is put in is safe all the same.
    hostile = BrowserSource(event_suffix='"});alert(1)//</script>\u2028')
    script = Tag(hostile, tmp_path).scripts["/divolte.js"].body.decode()
    call = script.removeprefix("(function(e){})(").removesuffix(");")
    assert json.loads(call)["suffix"] == hostile.event_suffix
    assert "<" not in call
    assert call.isascii()


async def test_a_prefix_and_names_move_the_scripts(tmp_path: Path):
    sources = {"shop": {"type": "browser", "prefix": "/shop", "javascript_name": "a.js", "watchbell_name": "b.js"}}
    site = Site(tmp_path, sources=sources)
    assert (await site.ask("GET", "/shop/a.js")).status == 200
    assert (await site.ask("GET", "/shop/b.js")).status == 200
    assert (await site.ask("GET", "/shop/b.mjs")).status == 200
    assert (await site.ask("GET", "/divolte.js")).status == 404


def test_two_scripts_cannot_have_one_name():
    with pytest.raises(Exception, match="watchbell_name"):
        source_of(watchbell_name="divolte.js")


async def test_without_a_build_the_answer_says_how_to_make_one(tmp_path, caplog):
    tag = Tag(source_of(), tmp_path)
    answer = await ask(tag, "/divolte.js")
    assert (answer.status, answer.body.decode()) == (404, NOT_BUILT)
    assert (await ask(tag, "/watchbell.js")).status == 404
    assert (await ask(tag, "/watchbell.js", "POST")).status == 405
    assert "make setup" in caplog.text


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_the_scripts_stay_small(name):
    size = len(gzip.compress((ROOT / name).read_bytes(), 9))
    assert size <= LIMITS[name], f"{name} has {size} bytes compressed"


@pytest.mark.parametrize("name", ["divolte.js", "watchbell.js"])
def test_the_scripts_need_nothing_that_a_strict_policy_forbids(name):
    text = (ROOT / name).read_text()
    assert text.isascii()
    assert not re.search(r"\beval\b|new Function|innerHTML|\.style\b|document\.write", text)


@pytest.mark.parametrize("name", ["divolte.js", "watchbell.js"])
def test_every_browser_can_read_the_scripts(name):
    modern = r"=>|`|\b(?:const|let|class|async|await|of)\b|\.\.\.|\?\.[^0-9]|\?\?|catch\{"
    assert not re.search(modern, (ROOT / name).read_text())
