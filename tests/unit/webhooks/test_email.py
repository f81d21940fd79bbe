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
