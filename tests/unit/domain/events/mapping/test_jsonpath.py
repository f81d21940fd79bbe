from typing import Any

import pytest

from watchbell.domain.effort import EFFORT_MAX, Effort, TooMuch
from watchbell.domain.errors import Invalid
from watchbell.domain.events.mapping.jsonpath import RESULTS_MAX, JsonPath

DATA: Any = {
    "a": {"b": [1, 2, 3], "c d": "x"},
    "items": [{"name": "apple", "price": 1.5}, {"name": "pear", "price": 3, "old": True}],
    "price": 9,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", DATA),
        ("$.a.b", [1, 2, 3]),
        ("$.a.b[0]", 1),
        ("$.a.b[-1]", 3),
        ("$.a.b[3]", None),
        ("$['a']['c d']", "x"),
        ('$["a"].b[1]', 2),
        ("$.missing.x", None),
        ("$.price.x", None),
        ("$.a.b[0,2]", [1, 3]),
        ("$.a.b[1:]", [2, 3]),
        ("$.a.b[:-1]", [1, 2]),
        ("$.a.b[*]", [1, 2, 3]),
        ("$.a.*", [[1, 2, 3], "x"]),
        ("$.items[*].name", ["apple", "pear"]),
        ("$.items[*].missing", []),
        ("$..price", [9, 1.5, 3]),
        ("$.items[?(@.price > 2)].name", ["pear"]),
        ("$.items[?(@.old)].name", ["pear"]),
        ("$.items[?(!@.old && @.name == 'apple')].price", [1.5]),
        ('$.items[?(@.name == "pear" || @.price < 2)].name', ["apple", "pear"]),
        ("$.items[?(@.name > 2)]", []),
        ("$.items[?(@.old == true)].name", ["pear"]),
        ("$.items[?(@.old != true)].name", ["apple"]),
        ("$.price[*]", []),
    ],
)
def test_what_a_path_finds(path, found):
    assert JsonPath(path).find(DATA) == found


@pytest.mark.parametrize(
    "path", ["", "a", "$.", "$.a[", "$.a[]", "$.a]", "$[?(@.a == )]", "$..a..b..c", "$.a b", "$[1:2:0]"]
)
def test_what_is_no_path(path):
    with pytest.raises(Invalid):
        JsonPath(path)


def test_a_path_is_definite_or_not():
    assert JsonPath("$.a['b'][0]").definite
    assert not JsonPath("$.a[0,1]").definite
    assert not JsonPath("$..a").definite


def test_results_are_bounded():
    wide = {"x": [list(range(200)) for _ in range(200)]}
    assert len(JsonPath("$..*").find(wide)) == RESULTS_MAX


def test_nesting_of_filters_is_bounded():
    with pytest.raises(Invalid):
        JsonPath("$[?(" + "(" * 1000 + "@.a" + ")" * 1000 + ")]")
    with pytest.raises(Invalid):
        JsonPath("$[?(" + "!" * 1000 + "@.a)]")


def nested(depth: int, leaves: int) -> Any:
    found: Any = [0] * leaves
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("$..[*]..zz", nested(100, 20_000)),
        ("$..zz", nested(1, EFFORT_MAX)),
        ("$..['a','b','c']", nested(1, EFFORT_MAX // 3)),
        ("$[*][?(@.a == 1 || @.b == 2 || @.c == 3)]", [nested(0, 1000)] * 300),
    ],
)
def test_a_path_visits_so_many_nodes_and_no_more(path: str, data: Any):
    effort = Effort()
    with pytest.raises(TooMuch, match="more than 500000 steps"):
        JsonPath(path).find(data, effort)
    assert effort.left < 0


def test_paths_share_what_may_be_spent():
    effort, path = Effort(1000), JsonPath("$[*]")
    assert [len(path.find([0] * 100, effort)) for _ in range(10)] == [100] * 10
    with pytest.raises(TooMuch):
        JsonPath("$.a").find({}, effort)
    with pytest.raises(TooMuch):
        JsonPath("$[1:]").find([0] * 100, Effort(99))


def test_blanks_in_brackets_are_read_once():
    for _ in range(100):
        with pytest.raises(Invalid):
            JsonPath("$[" + " " * 20_000 + "%")
