"""Codes that change every half minute, and codes for the day the telephone is lost."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from watchbell.domain.second_factor import (
    RECOVERY_BYTES,
    STEP,
    code_of,
    is_time_code,
    provisioning_uri,
    recovery_code,
    recovery_hash,
    secret_of,
    secret_text,
    step_at,
    step_of,
    tidied,
)

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str):
    now = datetime.fromtimestamp(seconds, UTC)
    assert code_of(SECRET, step_at(now), 8) == code
    assert code_of(SECRET, step_at(now)) == code[2:]
    assert step_of(SECRET, code[2:], now) == step_at(now)


def test_a_clock_may_be_one_step_early_or_late():
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    good = [step_of(SECRET, code_of(SECRET, step_at(now) + away), now) for away in range(-3, 4)]
    assert good == [None, None, step_at(now) - 1, step_at(now), step_at(now) + 1, None, None]
    late = now + timedelta(seconds=STEP - 1)
    assert step_at(late) == step_at(now)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "٠١٢٣٤٥", "\udc80" * 6, "🙂" * 6])
def test_what_is_no_code_is_none(code: str):
    assert step_of(SECRET, code, datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert not is_time_code(tidied(code))
    assert recovery_hash("u1", code)


def test_codes_are_typed_in_many_ways():
    assert tidied(" 123 456\n") == "123456"
    assert is_time_code("123456")
    shown = recovery_code(bytes(range(RECOVERY_BYTES)))
    assert shown == "AAAQ-EAYE-AUDA-OCAJ"
    assert not is_time_code(tidied(shown))
    assert recovery_hash("u1", shown) == recovery_hash("u1", shown.lower().replace("-", " "))
    assert recovery_hash("u1", shown) != recovery_hash("u2", shown)


def test_the_address_for_telephones_holds_what_they_need():
    uri = urlsplit(provisioning_uri(SECRET, "ann b@example.org", "Watch bell"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Watch%20bell:ann%20b%40example.org")
    terms = {name: values[0] for name, values in parse_qs(uri.query).items()}
    assert terms == {
        "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "issuer": "Watch bell",
        "algorithm": "SHA1",
        "digits": "6",
        "period": "30",
    }
    assert secret_of(secret_text(SECRET)) == SECRET
    assert secret_of(secret_text(b"12345")) == b"12345"
