from urllib.parse import quote

import pytest
from litestar import Request
from litestar.testing import RequestFactory

from watchbell.api.alert_query import query_of, wants
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.query import Filter, Order
from watchbell.domain.alerts.search import EVERYTHING
from watchbell.domain.errors import Invalid

MODEL = AlertaModel()


def request(text) -> Request:
    made = RequestFactory().get("/api/alerts")
    made.scope["query_string"] = quote(text, safe="=&!~%+*").encode()
    return Request(made.scope)


def query(text=""):
    return query_of(request(text), MODEL)


def test_nothing_asked():
    asked = query()
    assert (asked.filters, asked.search, asked.order, asked.page, asked.page_size) == ((), EVERYTHING, (), 1, 50)
    assert asked.severities[:2] == ("security", "critical")
    assert asked.statuses == ("open", "assign", "ack", "shelved", "blackout", "closed", "expired", "unknown")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status=open", Filter(field="status", values=("open", "UNACK"))),
        ("status=open&status=ack", Filter(field="status", values=("open", "UNACK", "ack", "ACKED"))),
        ("status!=closed", Filter(field="status", values=("closed", "RTNUN", "NORM"), negate=True)),
        ("event=~down", Filter(field="event", operator="contains", values=("down",))),
        ("event!=~down", Filter(field="event", operator="contains", values=("down",), negate=True)),
        ("event=~a&event=b", Filter(field="event", operator="contains", values=("a", "b"))),
        ("tag=x", Filter(field="tags", values=("x",))),
        ("service=a&service=b", Filter(field="service", values=("a", "b"))),
        ("attributes.region=EU", Filter(field="attributes.region", values=("EU",))),
        ("id=abcdef01", Filter(field="id", values=("abcdef01",))),
        ("repeat=YES", Filter(field="repeat", values=("true",))),
        ("repeat=no", Filter(field="repeat", values=("false",))),
        ("duplicateCount=3", Filter(field="duplicate_count", values=("3",))),
        ("type=exceptionAlert", Filter(field="type", values=("exceptionAlert",))),
    ],
)
def test_filters(text, expected):
    assert query(text).filters == (expected,)


def test_times_bound_the_last_receipt():
    asked = query("from-date=2026-01-01T00:00:00.000Z&to-date=2026-01-02T00:00:00.500Z")
    assert [(each.field, each.operator) for each in asked.filters] == [
        ("last_receive_time", "gt"),
        ("last_receive_time", "lte"),
    ]
    assert asked.filters[1].values[0].startswith("2026-01-02T00:00:00.5")


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("sort-by=severity", Order(field="severity")),
        ("sort-by=-severity", Order(field="severity", descending=True)),
        ("sort-by=lastReceiveTime", Order(field="last_receive_time", descending=True)),
        ("sort-by=-lastReceiveTime", Order(field="last_receive_time")),
        ("sort-by=-rawData", Order(field="raw_data", descending=True)),
        ("sort-by=attributes.region", Order(field="attributes.region")),
    ],
)
def test_sorting(text, order):
    assert query(text).order == (order,)


def test_several_keys_keep_their_order():
    assert [each.field for each in query("sort-by=severity&sort-by=resource").order] == ["severity", "resource"]


def test_pages():
    assert (query("page=3&page-size=20").page, query("page=3&page-size=20").page_size) == (3, 20)
    assert query("limit=7").page_size == 7
    assert query("page-size=999999").page_size == 1000


def test_words_are_searched_for_in_the_text_or_the_default_field():
    assert query("q=disk").search == Filter(field="text", operator="term", values=("disk",))
    assert query("q=disk&q.df=any").search == Filter(field="any", operator="term", values=("disk",))


@pytest.mark.parametrize("name", ["lastReceiveTime", "last_receive_time"])
def test_a_field_is_named_as_on_the_wire_or_as_in_alertas_database(name):
    search = query(f"q={name}:>2026-01-01T00:00:00Z").search
    assert search == Filter(field="last_receive_time", operator="gt", values=("2026-01-01T00:00:00Z",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour=red", "Invalid filter parameter: colour"),
        ("password!=x", "Invalid filter parameter: password"),
        ("sort-by=colour", "Sorting by 'colour' field not supported."),
        ("sort-by=-id", "Sorting by 'id' field not supported."),
        ("from-date=yesterday", "dates must be ISO 8601 date format YYYY-MM-DDThh:mm:ss.sssZ"),
        ("page=x", "page: must be a number"),
        ("page-size=-1", "page-size: must be a number"),
        ("q=(status:open", "Failed to parse query string: a ')' is missing (column 13)"),
        ('q="a phrase', 'Failed to parse query string: a closing " is missing (column 1)'),
    ],
)
def test_what_is_not_understood_is_refused_by_name(text, message):
    with pytest.raises(Invalid) as refusal:
        query(text)
    assert refusal.value.message == message


def test_an_unknown_field_is_named_with_those_that_there_are():
    with pytest.raises(Invalid, match="there is no field 'severty'; there are id, resource, event"):
        query("q=severty:major")


@pytest.mark.parametrize("name", ["_", "callback", "token", "api-key", "q.df", "group-by", "show-history"])
def test_parameters_for_others_are_ignored(name):
    assert query(f"{name}=x").filters == ()


@pytest.mark.parametrize(("value", "on"), [("true", True), ("1", True), ("Yes", True), ("false", False), ("", False)])
def test_switches(value, on):
    assert wants(request(f"show-history={value}"), "show-history") is on
