import pytest

from watchbell.domain.errors import Faulty
from watchbell.toolkit.placed_yaml import read_placed

TEXT = """name: m
steps:
  - {set: a, to: 1}
  - when: true
    then:
      - exit
date: 2026-01-01
"""


def test_each_thing_has_its_line():
    placed = read_placed(TEXT)
    assert placed.data["steps"][1] == {"when": True, "then": ["exit"]}
    assert placed.data["date"] == "2026-01-01"
    assert placed.line_of("steps[0].to") == 3
    assert placed.line_of("steps[1].then[0]") == 6
    assert placed.line_of("steps[1].then") == 5
    assert placed.line_of("steps[1].otherwise[3].to") == 4
    assert placed.line_of("nothing") == 1


def test_json_is_yaml():
    assert read_placed('{"name": "m",\n "steps": [{"set": "a"}]}').line_of("steps[0]") == 2


def test_nothing_is_nothing():
    assert read_placed("# only a comment").data is None


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: [", "line 2", ""),
        ("a: 1\na: 2", "line 2", "stands twice"),
        ("a: &x [1]\nb: *x", "line 2", "aliases"),
        ("a: !!python/object:os.system x", "line 1", "could not determine a constructor"),
        ("a: 1\nb: \x9d", "line 2", "not allowed here, number 157"),
        ("- a\n---\n- b", "line 2", "another document"),
        ("[" * 5000, "line 1", ""),
        ("x" * ((1 << 20) + 1), "line 1", "at most"),
    ],
)
def test_what_is_no_yaml(text, line, reason):
    with pytest.raises(Faulty) as caught:
        read_placed(text)
    (fault,) = caught.value.faults
    assert fault.field == line
    assert reason in fault.reason
