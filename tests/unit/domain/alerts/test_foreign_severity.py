"""What vendors call severities, and what that stands for here."""

import pytest

from watchbell.domain.alerts.foreign_severity import LONGEST, OTHERWISE, SYNONYMS, ForeignWords, Meant, shown
from watchbell.domain.alerts.severity import ISA, SEVERITIES, Severities

OURS = ForeignWords(Severities())
OWN = ForeignWords(
    Severities({"P1": 1, "P2": 2, "P3": 3, "OK": 9}, words={"loud": "P1"}, normal="OK", informational="", previous="OK")
)
BY_ISA = ForeignWords(Severities(ISA.ranks, normal="OK", informational="", previous="OK", usual=ISA))


@pytest.mark.parametrize("word", SEVERITIES)
def test_alertas_words_stay_as_they_are(word: str):
    assert OURS.meant(word) == Meant(word)


@pytest.mark.parametrize("word", ["Critical", "CRITICAL", " critical "])
def test_the_case_of_letters_means_nothing(word: str):
    assert OURS.meant(word) == Meant("critical")


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("page", "critical"),
        ("Emergency", "critical"),
        ("fatal", "critical"),
        ("P1", "critical"),
        ("SEV-1", "critical"),
        ("sev 2", "major"),
        ("error", "major"),
        ("high", "major"),
        ("expired", "major"),
        ("medium", "minor"),
        ("p4", "warning"),
        ("warn", "warning"),
        ("info", "informational"),
        ("none", "informational"),
        ("Notice", "informational"),
        ("resolved", "normal"),
    ],
)
def test_a_synonym_stands_for_what_is_as_bad_and_is_kept(word: str, severity: str):
    assert OURS.meant(word) == Meant(severity, word)


@pytest.mark.parametrize("word", ["dreadful", "7", "🔥", "a" * 5000, "\x00", ""])
def test_any_other_word_is_one_that_somebody_hears_of(word: str):
    meant = OURS.meant(word)
    assert (meant.severity, meant.guessed) == (OTHERWISE, True)
    assert len(meant.word) <= LONGEST
    assert meant.word == shown(word)
    assert "\x00" not in meant.word


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("p1", "P1"),
        ("LOUD", "loud"),
        ("page", "P1"),
        ("medium", "P2"),
        ("none", "OK"),
        ("ok", "ok"),
        ("dreadful", "P1"),
    ],
)
def test_severities_of_ones_own_have_a_word_for_each(word: str, severity: str):
    """Of words that the settings name, intake knows the meaning."""
    assert OWN.meant(word).severity == severity


@pytest.mark.parametrize(
    ("word", "severity"), [("high", "High"), ("MEDIUM", "Medium"), ("page", "Critical"), ("none", "Advisory")]
)
def test_the_other_alarm_model_has_a_word_for_each(word: str, severity: str):
    assert BY_ISA.meant(word).severity == severity


def test_each_synonym_is_written_once_and_as_it_is_looked_up():
    words = [word for words in SYNONYMS.values() for word in words]
    assert len(set(words)) == len(words)
    assert not set(words) & set(SEVERITIES)
    assert all(word == word.casefold().strip() and "-" not in word for word in words)
