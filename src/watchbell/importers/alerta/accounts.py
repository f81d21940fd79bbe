"""Accounts that people see to by themselves, as Alerta's settings have them, and the mail server for their letters."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from watchbell.domain.access import is_address
from watchbell.importers.alerta.signing_in import ALL, Found

_GMAIL = "smtp.gmail.com"
"""Alerta's default."""
_KINDS: Mapping[str, type] = MappingProxyType(
    {
        "SIGNUP_ENABLED": bool,
        "EMAIL_VERIFICATION": bool,
        "MAIL_FROM": str,
        "SMTP_HOST": str,
        "SMTP_PORT": int,
        "SMTP_STARTTLS": bool,
        "SMTP_USE_SSL": bool,
        "SMTP_SKIP_SSL_VERIFY": bool,
        "SMTP_USERNAME": str,
        "SMTP_PASSWORD": str,
    }
)
_UNPROVED = (
    "is not taken: with ALLOWED_EMAIL_DOMAINS or CUSTOMER_VIEWS it takes EMAIL_VERIFICATION here,"
    " for nobody could tell whose an address is"
)


def mail_of(given: Mapping[str, Any]) -> Found:
    """The mail server: a section of its own."""
    right, problems = _checked(given, *(name for name in _KINDS if name.startswith(("SMTP", "MAIL"))))
    used = frozenset(name for name in _KINDS if name.startswith(("SMTP", "MAIL")))
    sender = right.get("MAIL_FROM", "")
    if not is_address(sender):
        if sender:
            problems["MAIL_FROM"] = "is no e-mail address"
        reason = "is not taken without MAIL_FROM, the address that mails come from"
        problems |= {name: reason for name in right if name != "MAIL_FROM"}
        return Found({}, used, problems)
    security = "tls" if right.get("SMTP_USE_SSL") else "starttls" if right.get("SMTP_STARTTLS", True) else "none"
    mail: dict[str, Any] = {"host": right.get("SMTP_HOST") or _GMAIL, "sender": sender, "security": security}
    mail["port"] = right.get("SMTP_PORT", 587)
    if right.get("SMTP_SKIP_SSL_VERIFY"):
        mail["verify_tls"] = False
    if right.get("SMTP_PASSWORD") and security == "none":
        problems["SMTP_PASSWORD"] = "is only sent under TLS: set SMTP_STARTTLS or SMTP_USE_SSL"  # noqa: S105 - a reason
    elif right.get("SMTP_PASSWORD"):
        mail |= {"username": right.get("SMTP_USERNAME") or sender, "password": right["SMTP_PASSWORD"]}
    return Found({}, used, problems, mail)


def accounts_of(given: Mapping[str, Any]) -> Found:
    """Who may sign up, where people log in by a password."""
    own = frozenset({"SIGNUP_ENABLED", "EMAIL_VERIFICATION"})
    if given.get("AUTH_PROVIDER", "basic") != "basic":
        return Found({}, own, {name: "is for log-ins by password" for name in sorted(own) if given.get(name)})
    right, problems = _checked(given, *sorted(own))
    verify = right.get("EMAIL_VERIFICATION", False)
    if verify and not mail_of(given).mail:
        problems["EMAIL_VERIFICATION"] = "is not taken without a mail server: set MAIL_FROM and SMTP_HOST"
        verify = False
    named: Any = given.get("ALLOWED_EMAIL_DOMAINS")
    listed = isinstance(named, list)
    limited = [] if not listed or ALL in named else cast("list[Any]", named)
    login: dict[str, Any] = {"verify_email": True} if verify else {}
    if verify and limited:
        login["allowed_email_domains"] = [str(each) for each in limited if is_address(f"somebody@{each}")]
        if len(login["allowed_email_domains"]) < len(limited):
            problems["ALLOWED_EMAIL_DOMAINS"] = "leaves out what is no domain"
    if right.get("SIGNUP_ENABLED"):
        if (limited or given.get("CUSTOMER_VIEWS")) and not verify:
            problems["SIGNUP_ENABLED"] = _UNPROVED
        else:
            login["sign_up"] = True
    # What is no list is named as a setting of a provider that is not there.
    used = own | {"ALLOWED_EMAIL_DOMAINS"} if listed else own
    return Found(login, used, problems)


def _checked(given: Mapping[str, Any], *names: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Those that are of the right type, and what is wrong with the others."""
    right: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in names:
        value = given.get(name)
        if value is None:
            continue
        if type(value) is _KINDS[name]:
            right[name] = value
        else:
            problems[name] = f"is not taken: it is {type(value).__name__}, not {_KINDS[name].__name__}"
    return right, problems
