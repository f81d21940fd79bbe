"""Signing up, confirming addresses and the mail server, as `alertad.conf` has them."""

import pytest

from watchbell.importers.alerta import Alerta
from watchbell.loading import Beneath, load

MAIL = "MAIL_FROM = 'alerta@example.org'\nSMTP_HOST = 'mail.example.org'\nSMTP_PORT = 25\nSMTP_STARTTLS = False\n"
SET = "AUTH_REQUIRED = True\nADMIN_USERS = ['root@example.org']\n"


@pytest.fixture
def read(tmp_path):
    def reading(text, **environment):
        file = tmp_path / "alertad.conf"
        file.write_text(SET + text)
        imported = Alerta().read(file, environment)
        # Whatever stands there, it starts.
        return imported, load(environment={}, beneath=Beneath(imported.settings, "alertad.conf"))

    return reading


def lost(imported):
    return {remark.what for remark in imported.remarks if remark.lost}


def test_signing_up_and_the_mail_server_are_taken(read):
    imported, settings = read(
        f"{MAIL}SIGNUP_ENABLED = True\nEMAIL_VERIFICATION = True\nALLOWED_EMAIL_DOMAINS = ['example.org']\n"
        "CUSTOMER_VIEWS = True"
    )
    assert (settings.login.sign_up, settings.login.verify_email) == (True, True)
    assert settings.login.allowed_email_domains == ["example.org"]
    mail = settings.mail
    assert (mail.host, mail.port, mail.security, mail.verify_tls) == ("mail.example.org", 25, "none", True)
    assert (mail.sender, mail.username, mail.password.reveal()) == ("alerta@example.org", "", "")
    assert imported.remarks == []
    assert imported.secret is False


def test_the_mail_servers_defaults_are_alertas(read):
    imported, settings = read("MAIL_FROM = 'a@example.org'\nSMTP_PASSWORD = 's3cret'\nSMTP_SKIP_SSL_VERIFY = True")
    mail = settings.mail
    assert (mail.host, mail.port, mail.security, mail.verify_tls) == ("smtp.gmail.com", 587, "starttls", False)
    assert (mail.username, mail.password.reveal()) == ("a@example.org", "s3cret")
    assert imported.secret is True
    _, settings = read("SMTP_USE_SSL = True\nSMTP_PORT = 465", MAIL_FROM="a@example.org", SMTP_PASSWORD="x")
    assert (settings.mail.security, settings.mail.password.reveal()) == ("tls", "x")


def test_signing_up_stays_off_unless_it_is_set(read):
    imported, settings = read("")
    assert (settings.login.sign_up, settings.login.verify_email, settings.mail.host) == (False, False, "")
    assert imported.remarks == []
    assert read("SIGNUP_ENABLED = False")[0].remarks == []
    assert read("", SIGNUP_ENABLED="yes")[1].login.sign_up is True


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SIGNUP_ENABLED = True\nCUSTOMER_VIEWS = True", {"SIGNUP_ENABLED"}),
        ("SIGNUP_ENABLED = True\nALLOWED_EMAIL_DOMAINS = ['example.org']", {"SIGNUP_ENABLED"}),
        ("SIGNUP_ENABLED = True\nALLOWED_EMAIL_DOMAINS = ['*']", set()),
        ("SIGNUP_ENABLED = True\nEMAIL_VERIFICATION = True", {"EMAIL_VERIFICATION"}),
        ("SIGNUP_ENABLED = 'x'", {"SIGNUP_ENABLED"}),
        ("EMAIL_VERIFICATION = True\nMAIL_FROM = 'nobody'", {"EMAIL_VERIFICATION", "MAIL_FROM"}),
        ("SMTP_HOST = 'mail.example.org'", {"SMTP_HOST"}),
        (f"{MAIL}SMTP_PASSWORD = 's3cret'", {"SMTP_PASSWORD"}),
        ("MAIL_FROM = 'a@example.org'\nSMTP_PORT = '25'", {"SMTP_PORT"}),
        ("SSL_CERT_FILE = '/x'", set()),
        (f"{MAIL}EMAIL_VERIFICATION = True\nALLOWED_EMAIL_DOMAINS = ['a b', 'x.org']", {"ALLOWED_EMAIL_DOMAINS"}),
        ("AUTH_PROVIDER = 'ldap'\nSIGNUP_ENABLED = True", {"AUTH_PROVIDER", "SIGNUP_ENABLED"}),
    ],
)
def test_what_is_not_safe_or_not_whole_is_left_out_and_named(read, text, named):
    imported, _ = read(text)
    assert lost(imported) == named
