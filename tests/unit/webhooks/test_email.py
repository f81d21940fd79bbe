"""Mail: the message itself, the forms that services make of it, and what the subject says."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec
import pytest

from watchbell.domain.errors import Invalid
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.mail import without_markup
from watchbell.webhooks.email import Email

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MESSAGE = b"""\
From: Backup <backup@db1.example.org>\r
To: alerts@example.org\r
Date: Thu, 01 Jan 2026 12:00:00 +0100\r
Message-ID: <1@db1>\r
Subject: =?utf-8?q?Sicherung_fehlgeschlagen_=C3=BC?=\r
Content-Type: multipart/alternative; boundary=b\r
\r
--b\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
Platte voll f=FCr immer\r
--b\r
Content-Type: text/html\r
\r
<p>nothing</p>\r
--b--\r
"""


def read(body: bytes, content_type: str = "message/rfc822", **query: str) -> Signal:
    (signal,) = Email().read(Call(body=body, query=query, received=NOW, headers={"content-type": content_type}))
    return signal


def form(**fields: str) -> Signal:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return read(urlencode(named).encode(), "application/x-www-form-urlencoded")


def about(subject: str) -> tuple[str, str, str]:
    signal = form(sender="a@example.org", subject=subject)
    return signal.severity, signal.resource, signal.event


def test_a_message_as_a_pipe_posts_it():
    signal = read(MESSAGE)
    assert (signal.resource, signal.event) == ("backup@db1.example.org", "Sicherung fehlgeschlagen ü")
    assert (signal.text, signal.severity, signal.service) == ("Platte voll für immer", "major", ("Email",))
    assert (signal.environment, signal.group, signal.origin) == ("Production", "Email", "email/alerts@example.org")
    assert signal.create_time == datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert signal.attributes["messageId"] == "<1@db1>"


def test_markup_is_stripped():
    html = (
        b"From: a@b.c\nSubject: x\nContent-Type: text/html\n\n<html><head><title>no</title><style>p{}</style></head>"
        b"<body><script>alert(1)</script><p>Disk &lt;full&gt;</p><br><br><br>95&nbsp;%<div>now</div></body></html>"
    )
    assert read(html).text == "Disk <full>\n\n95 %\nnow"
    assert without_markup("</style>plain") == "plain"


def test_a_charset_that_nobody_knows_is_no_reason_to_lose_a_message():
    assert read(b"From: a@b.c\nSubject: x\nContent-Type: text/plain; charset=nonsense\n\nhello").text == "hello"


def test_a_message_without_text_has_its_subject():
    assert read(b"From: a@b.c\nSubject: x y\nContent-Type: image/png\n\nxx").text == "x y"


def test_headers_win():
    head = (
        b"From: a@b.c\nSubject: [minor] web01: slow\nX-Watchbell-Severity: Critical\nX-Watchbell-Resource: r\n"
        b"X-Watchbell-Event: e\nX-Watchbell-Service: a, b\nX-Watchbell-Tags: x,y\nX-Watchbell-Group: g\n"
        b"X-Watchbell-Value: 5\nX-Watchbell-Timeout: 60\nX-Watchbell-Environment: Development\n\ntext"
    )
    signal = read(head, severity="debug", environment="Production")
    assert (signal.severity, signal.resource, signal.event, signal.service) == ("critical", "r", "e", ("a", "b"))
    assert (signal.tags, signal.group, signal.value, signal.timeout) == (("x", "y"), "g", "5", 60)
    assert signal.environment == "Development"


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Disk full", ("major", "a@example.org", "Disk full")),
        ("[critical] web01: disk full", ("critical", "web01", "disk full")),
        ("[Warning] disk full", ("warning", "a@example.org", "disk full")),
        ("PROBLEM: web01: disk full", ("major", "web01", "disk full")),
        ("RECOVERY: web01: disk full", ("normal", "web01", "disk full")),
        ("[RESOLVED] [critical] web01: disk full", ("normal", "web01", "disk full")),
        ("OK - web01: disk full", ("normal", "web01", "disk full")),
        ("Re: Fwd: [minor] slow", ("minor", "a@example.org", "slow")),
        ("[JIRA] something", ("major", "a@example.org", "[JIRA] something")),
        ("", ("major", "a@example.org", "Mail")),
        ("[critical]", ("critical", "a@example.org", "Mail")),
        ("** PROBLEM Service Alert: web01/HTTP is CRITICAL **", ("critical", "web01", "HTTP")),
        ("** RECOVERY Service Alert: web01/HTTP is OK **", ("normal", "web01", "HTTP")),
        ("** PROBLEM Host Alert: web01 is DOWN **", ("critical", "web01", "HostCheck")),
        ("** PROBLEM Service Alert: web01/HTTP is ODD **", ("indeterminate", "web01", "HTTP")),
    ],
)
def test_what_a_subject_says(subject: str, expected: tuple[str, str, str]):
    assert about(subject) == expected


def test_a_recovery_names_the_same_alert():
    problem, over = about("PROBLEM: web01: disk full"), about("RESOLVED: web01: disk full")
    assert problem[1:] == over[1:]


def test_the_form_of_mailgun():
    headers = msgspec.json.encode([["X-Watchbell-Severity", "minor"], ["Date", "nonsense"]]).decode()
    signal = form(
        sender="a@b.c", recipient="w@x.y", subject="s", body_plain="p", stripped_text="t", message_headers=headers
    )
    assert (signal.resource, signal.event, signal.severity, signal.text) == ("a@b.c", "s", "minor", "t")
    assert signal.create_time == NOW
    with pytest.raises(Invalid, match="message-headers"):
        form(sender="a@b.c", message_headers="nonsense")


def test_the_form_of_sendgrid():
    parts = {"from": "Ann <a@b.c>", "to": "w@x.y", "subject": "s", "html": "<b>bold</b>",
             "headers": "X-Watchbell-Group: g\r\nX-Odd"}  # fmt: skip
    lines = "".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts.items()
    )
    lines += '--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nxx\r\n--B--\r\n'
    signal = read(lines.encode(), "multipart/form-data; boundary=B")
    assert (signal.resource, signal.event, signal.text, signal.group) == ("a@b.c", "s", "bold", "g")


@pytest.mark.parametrize("field", ["email", "body_mime"])
def test_a_form_with_the_whole_message(field: str):
    assert form(**{field: MESSAGE.decode()}).event == "Sicherung fehlgeschlagen ü"


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b"", "message/rfc822", "no mail"),
        (b'{"a": 1}', "application/json", "no mail"),
        (b"a=1", "application/x-www-form-urlencoded", "neither a sender nor a subject"),
        (b"nothing", "multipart/form-data; boundary=B", "multipart|neither"),
        (b"From: a@b.c\nSubject: x\nX-Watchbell-Timeout: soon\n\n", "message/rfc822", "timeout"),
        (b"&".join([b"a=1"] * 600), "application/x-www-form-urlencoded", "not a form"),
    ],
)
def test_what_is_no_mail_is_refused(body: bytes, kind: str, why: str):
    with pytest.raises(Invalid, match=why):
        read(body, kind)


HEAD = b"From: a@b.c\nSubject: x\n"
HTML = HEAD + b"Content-Type: text/html\n\n"
SIZE = 2 << 20
"""As long as a body may be: what takes the square of it does not end."""


def test_it_is_read_off_the_event_loop():
    assert Email.blocks


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        (b"<a", ""),
        (b"<a>", "x"),
        (b"<p>a", "a\na"),
        (b"<!--", "x"),
        (b"<![CDATA[", ""),
        (b"<a '", ""),
        (b"<script>", "x"),
        (b"</script ", ""),
        (b"&a", ""),
        (b"&#x9999999999", ""),
    ],
)
def test_markup_takes_time_that_grows_with_its_length_only(piece: bytes, text: str):
    assert read(HTML + piece * (SIZE // len(piece))).text.startswith(text)
    assert len(read(HTML + piece * (SIZE // len(piece))).text) <= 60_000


@pytest.mark.parametrize(
    "head",
    [
        b"To: d@e.f\n" * 200_000,
        b"To: d@e.f" + b", d@e.f" * 200_000 + b"\n",
        b"To: d@e.f" + b",\n d@e.f" * 200_000 + b"\n",
        b"To: d@e.f," + b"(" * SIZE + b"\n",
        b"To: d@e.f\n" + b"".join(b"X-%d: y\n" % number for number in range(200_000)),
        b"To: d@e.f\nReferences: " + b"=?utf-8?q?" * 200_000 + b"\n",
        b"To: d@e.f\nReferences: " + b"=?utf-8?q?a?= " * 150_000 + b"\n",
        b"To: d@e.f\nContent-Type: text/plain" + b"; a=b" * 400_000 + b"\n",
        b"To: d@e.f\nContent-Type: text/plain; charset=punycode\n",
        b"To: d@e.f\nDate: Thu, 01 Jan 2026 12:00:00 +" + b"9" * SIZE + b"\n",
    ],
)
def test_so_do_headers(head: bytes):
    signal = read(HEAD + head + b"\n" + b"a9-b" * (SIZE // 4))
    assert (signal.resource, signal.event, signal.origin) == ("a@b.c", "x", "email/d@e.f")
    assert signal.text.startswith("a9-b")


def test_so_do_parts_inside_parts_and_side_by_side():
    inside = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%05d\n\n--b%05d\n" % (number, number) for number in range(20_000)
    )
    assert read(HEAD + inside + b"\n" * SIZE).text == "x"  # the subject
    side_by_side = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n"
    assert read(side_by_side + b"--b\n\n" + b"--b\nContent-Type: a/b\n\n" * 100_000).text == "x"
    with pytest.raises(Invalid, match="boundary"):
        read(side_by_side + b"--b-\n" * 200_000)


def test_so_do_the_fields_of_a_form():
    field = b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    with pytest.raises(Invalid, match="500 fields"):
        read(field * 40_000, "multipart/form-data; boundary=B")
    with pytest.raises(Invalid, match="500 files"):
        read(field.replace(b"\r\n\r\n", b"; filename=x\r\n\r\n") * 30_000, "multipart/form-data; boundary=B")


def test_a_long_head_does_not_hide_the_text():
    head = b"".join(b"Received: from a by b\n" for _ in range(5000))
    assert read(HEAD + head + b"\nthe text").text == "the text"


def test_the_text_is_found_behind_what_is_attached():
    body = (
        b"Content-Type: multipart/mixed; boundary=o\n\npreamble\n--o\nContent-Type: text/plain\n"
        b"Content-Disposition: attachment; filename=a.txt\n\nattached\n--o\n"
        b'Content-Type: multipart/related; boundary="i n"\n\n--i n\nContent-Type: text/html; charset="iso-8859-1"\n'
        b"Content-Transfer-Encoding: base64\n\nPHA+ZvxyPC9wPg\n--i n\n\nan image\n--i n--\n--o--\nepilogue"
    )
    assert read(HEAD + body).text == "für"


@pytest.mark.parametrize(
    ("subject", "event"),
    [
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?= =?iso-8859-1?q?=FC?=  y", "üü y"),
        ("a =?utf-8*de?b?w7w=?= b", "a ü b"),
        ("=?nonsense?q?a?= =?utf-8?b?w?=", "a"),
        ("=?utf-8?x?a?= =?utf-8?q?a", "=?utf-8?x?a?= =?utf-8?q?a"),
        ("ü", "ü"),
        ("folded\n  line", "folded line"),
    ],
)
def test_words_of_a_header_in_an_encoding(subject: str, event: str):
    assert read(f"From: a@b.c\nSubject: {subject}\n\n".encode()).event == event


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a < b <3 &lt;c", "a < b <3 <c"),
        ("disk <warning", "disk <warning"),
        ("<a title='x>y'>z</a>", "z"),
        ('<a title="x>z</a> w', "z w"),
        ("a<!-- <b> -->c<!DOCTYPE x><?php y?>", "ac"),
        ("<STYLE>p{}</STYLE>z<script/>y<script>if(a<b)", "zy"),
        ("&#99999999999;&nbsp;&bogus;", "\ufffd &bogus;"),
    ],
)
def test_markup_that_is_odd(html: str, text: str):
    assert without_markup(html) == text
