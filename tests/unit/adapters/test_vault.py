import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.adapters.vault import AesVault
from watchbell.domain.errors import Permanent

VAULT = AesVault("a secret key of at least 32 characters")


@given(st.text().filter(lambda text: not text.startswith("sealed:")))
def test_what_is_sealed_opens_again(plain):
    sealed = VAULT.seal(plain)
    assert sealed.startswith("sealed:v1:")
    assert VAULT.unseal(sealed) == plain
    assert VAULT.seal(sealed) == sealed


def test_the_same_text_is_never_sealed_the_same():
    assert VAULT.seal("x") != VAULT.seal("x")


def test_what_is_not_sealed_stays_as_it_is():
    assert VAULT.unseal("plain") == "plain"


@pytest.mark.parametrize("damaged", ["sealed:v1:", "sealed:v1:!!!", "sealed:v1:AAAA", "sealed:v9:AAAA", "sealed:"])
def test_damage_is_told(damaged):
    with pytest.raises(Permanent):
        VAULT.unseal(damaged)


def test_another_key_does_not_open_it_and_a_changed_byte_is_noticed():
    sealed = VAULT.seal("hunter2")
    with pytest.raises(Permanent, match="another secret_key"):
        AesVault("b" * 32).unseal(sealed)
    swapped = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    with pytest.raises(Permanent):
        VAULT.unseal(swapped)
