"""Vendors whose messages act on alerts that are there: what each asks for, and its answer."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.deed import Deed, Mute
from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call, Reading, Reply
from watchbell.webhooks.msteams import MsTeams
from watchbell.webhooks.pagerduty import PagerDuty
from watchbell.webhooks.slack import Slack
from watchbell.webhooks.telegram import Telegram

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALERT = Alert(
    id="1a2b3c4d-0000-4000-8000-000000000001",  # type: ignore[arg-type]
    environment="Production",
    resource="web01",
    event="Down",
    severity="critical",
    status="ack",
    create_time=NOW,
    receive_time=NOW,
    last_receive_id="1",
    last_receive_time=NOW,
    update_time=NOW,
)


def call(body: Any, content_type: str = "application/json") -> Call:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Call(body=raw, received=NOW, headers={"content-type": content_type})


def answered(reading: Reading, *alerts: Alert) -> Reply:
    assert reading.reply is not None
    return reading.reply(alerts)


def incident(kind: str, key: str | None = ALERT.id, **entry: str) -> dict[str, Any]:
    """A message as PagerDuty's documentation of version 2 shows it, shortened."""
    return {
        "id": "bb8b8fe0-e8d5-11e2-9c1e-22000afd16cf",
        "event": f"incident.{kind}",
        "created_on": "2026-01-02T03:00:00Z",
        "incident": {"id": "PIJ90N7", "incident_number": 1, "incident_key": key, "status": kind},
        "log_entries": [entry] if entry else [],
    }


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("trigger", "open"),
        ("unacknowledge", "open"),
        ("escalate", "open"),
        ("delegate", "open"),
        ("acknowledge", "ack"),
        ("resolve", "closed"),
        ("assign", "assign"),
        ("annotate", "unknown"),
    ],
)
def test_pagerduty_sets_the_status(kind: str, status: str):
    reading = PagerDuty().read(call({"messages": [incident(kind)]}))
    text = f"{kind} by PagerDuty incident 1"
    assert list(reading.deeds) == [Deed(alert=ALERT.id, verb="status", word=status, text=text)]
    assert answered(reading, ALERT) == Reply(body={"status": "ok"})


def test_pagerdutys_log_says_why():
    (deed,) = PagerDuty().read(call({"messages": [incident("resolve", summary="Resolved by Ann.")]})).deeds
    assert deed.text == "Resolved by Ann."


def test_an_address_that_pagerduty_does_not_know_costs_no_acknowledgement():
    message = incident("acknowledge")
    message["incident"]["html_url"] = None
    (deed,) = PagerDuty().read(call({"messages": [message]})).deeds
    assert (deed.alert, deed.word) == (ALERT.id, "ack")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "no messages in PagerDuty data payload"),
        ({"messages": []}, "no messages in PagerDuty data payload"),
        ({"messages": [incident("resolve", key=None)]}, "no incident key in PagerDuty data payload"),
        ({"messages": [{"event": "incident.resolve"}]}, "no incident key in PagerDuty data payload"),
        ({"messages": 1}, r"messages"),
    ],
)
def test_pagerduty_refuses_what_names_no_alert(body: Any, why: str):
    with pytest.raises(Invalid, match=why):
        PagerDuty().read(call(body))


def pressed(value: str, **changes: Any) -> Call:
    """A press as Slack's documentation of interactive messages shows it."""
    payload = {
        "type": "interactive_message",
        "actions": [{"name": value, "value": value, "type": "button"}],
        "callback_id": ALERT.id,
        "team": {"id": "T47563693", "domain": "watermelonsugar"},
        "user": {"id": "U045VRZFT", "name": "brautigan"},
        "action_ts": "1458170917.164398",
        "original_message": {
            "text": "web01 is down",
            "attachments": [
                {"title": "Down", "actions": [{"name": "ack", "value": "ack", "text": "Ack"},
                                              {"name": "watch", "value": "watch", "text": "Watch"}]},
            ],
        },
        **changes,
    }  # fmt: skip
    form = urlencode({"payload": msgspec.json.encode(payload).decode()}).encode()
    return call(form, "application/x-www-form-urlencoded")


@pytest.mark.parametrize("word", ["open", "ack", "close"])
def test_a_button_of_slack_acts_and_the_buttons_go(word: str):
    reading = Slack().read(pressed(word))
    text = "status change via #slack by brautigan"
    assert list(reading.deeds) == [Deed(alert=ALERT.id, verb="action", word=word, text=text)]
    reply = answered(reading, ALERT)
    assert reply.status == 201
    first, last = reply.body["attachments"]
    assert "actions" not in first
    assert last["title"] == "The status of alert 1a2b3c4d is Ack now!"
    assert reply.body["text"] == "web01 is down"


@pytest.mark.parametrize(("word", "verb", "other"), [("watch", "tag", "unwatch"), ("unwatch", "untag", "watch")])
def test_watching_in_slack_is_a_tag_and_turns_the_button(word: str, verb: str, other: str):
    press = pressed(word)
    if word == "unwatch":
        shown = {"attachments": [{"actions": [{"value": "unwatch"}, "odd"]}]}
        press = pressed(word, original_message=shown)
    reading = Slack().read(press)
    assert list(reading.deeds) == [Deed(alert=ALERT.id, verb=verb, word="watch:brautigan")]  # type: ignore[arg-type]
    buttons = answered(reading, ALERT).body["attachments"][0]["actions"]
    assert {"name": other, "value": other, "text": other.capitalize()}.items() <= buttons[-1].items()


@pytest.mark.parametrize(
    ("press", "field"),
    [
        (call(b"x=1", "application/x-www-form-urlencoded"), "payload: is missing"),
        (call(b"payload=nonsense", "application/x-www-form-urlencoded"), "payload: "),
        (pressed("ack", callback_id=""), "payload.callback_id"),
        (pressed("ack", user={}), r"payload.user.name"),
        (pressed("explode"), "Unsupported #slack action 'explode'"),
        (pressed("ack", actions=[]), "Unsupported #slack action ''"),
    ],
)
def test_slack_names_what_is_missing(press: Call, field: str):
    with pytest.raises(Invalid, match=field):
        Slack().read(press)


def update(data: str, **message: Any) -> Call:
    """A press as the Bot API's documentation describes it."""
    return call(
        {
            "update_id": 913527394,
            "callback_query": {
                "id": "688111769854308995",
                "from": {"id": 160213506, "first_name": "Ann", "last_name": "Smith"},
                "message": {
                    "message_id": 22,
                    "chat": {"id": -1001, "type": "group"},
                    "text": "web01 is down",
                    **message,
                },
                "chat_instance": "1",
                "data": data,
            },
        }
    )


@pytest.mark.parametrize(("word", "status"), [("open", "open"), ("ack", "ack"), ("close", "closed")])
def test_a_button_of_telegram_sets_the_status_and_edits_the_message_without_a_token(word: str, status: str):
    reading = Telegram().read(update(f"/{word} {ALERT.id}", reply_markup={"inline_keyboard": []}))
    text = "status change via Telegram by Ann Smith"
    assert list(reading.deeds) == [Deed(alert=ALERT.id, verb="status", word=status, text=text)]
    assert answered(reading, ALERT).body == {
        "status": "ok",
        "method": "editMessageText",
        "chat_id": -1001,
        "message_id": 22,
        "text": "web01 is down\n\nThe status of alert 1a2b3c4d is ack now, by Ann Smith.",
    }


@pytest.mark.parametrize(("word", "verb"), [("watch", "tag"), ("unwatch", "untag")])
def test_watching_in_telegram_keeps_the_buttons(word: str, verb: str):
    buttons = {"inline_keyboard": [[{"text": "Ack", "callback_data": "/ack 1"}]]}
    reading = Telegram().read(update(f"/{word} 1a2b3c4d", reply_markup=buttons))
    assert list(reading.deeds) == [Deed(alert="1a2b3c4d", verb=verb, word="watch:Ann Smith")]  # type: ignore[arg-type]
    reply = answered(reading, ALERT).body
    assert reply["reply_markup"] == buttons
    assert "watching alert 1a2b3c4d" in reply["text"]


def test_a_blackout_from_telegram():
    by_alert = Telegram().read(update("/blackout 1a2b3c4d"))
    assert list(by_alert.mutes) == [Mute(alert="1a2b3c4d", text="set in Telegram by Ann Smith")]
    assert "Blackout of an hour for alert 1a2b3c4d" in answered(by_alert, ALERT).body["text"]
    by_name = Telegram().read(update("/blackout Production|web01|Down"))
    (mute,) = by_name.mutes
    assert (mute.environment, mute.resource, mute.event, mute.duration) == ("Production", "web01", "Down", 3600)
    assert "Blackout of an hour for these alerts" in answered(by_name).body["text"]


def test_a_message_that_telegram_no_longer_has_is_not_edited():
    reading = Telegram().read(call({"callback_query": {"from": {"username": "ann"}, "data": "/ack 1a2b3c4d"}}))
    assert answered(reading, ALERT).body == {"status": "ok"}
    assert reading.deeds[0].text.endswith("by ann")


def test_what_telegram_tells_besides_asks_for_nothing():
    reading = Telegram().read(call({"update_id": 1, "message": {"text": "/start"}}))
    assert not reading.deeds
    assert answered(reading).body == {"status": "ok", "message": "no callback_query in Telegram message"}


@pytest.mark.parametrize(("data", "why"), [("/explode 1", "commands are"), ("", "commands are"), ("/ack", "no alert")])
def test_telegram_names_what_is_wrong(data: str, why: str):
    with pytest.raises(Invalid, match=why):
        Telegram().read(update(data))


@pytest.mark.parametrize(("action", "status", "shown"), [("ack", "ack", "acked"), ("close", "closed", "closed")])
def test_a_card_of_teams_sets_the_status(action: str, status: str, shown: str):
    reading = MsTeams().read(call({"action": action, "alert_id": ALERT.id}))
    text = "status changed via MS Teams webhook"
    assert list(reading.deeds) == [Deed(alert=ALERT.id, verb="status", word=status, text=text)]
    reply = answered(reading, ALERT)
    assert (reply.status, reply.body) == (200, {"status": "ok", "message": "status changed"})
    assert reply.headers == {"CARD-ACTION-STATUS": f"Alert {shown}"}
    assert reading.missing is not None
    assert reading.missing.status == 400


@pytest.mark.parametrize(("said", "seconds"), [(None, 3600), (7200, 7200), ("1800", 1800), ("soon", 3600), (-1, 3600)])
def test_a_card_of_teams_begins_a_blackout(said: Any, seconds: float):
    body = {"action": "blackout", "environment": "Production", "resource": "web01", "event": "Down", "duration": said}
    reading = MsTeams().read(call(body))
    (mute,) = reading.mutes
    assert (mute.environment, mute.resource, mute.event, mute.duration) == ("Production", "web01", "Down", seconds)
    reply = answered(reading)
    assert (reply.status, reply.body["message"]) == (201, "blackout created")
    assert reply.headers["CARD-ACTION-STATUS"] == f"Blackout created for {seconds / 3600:.1f} hours"


def test_what_teams_leaves_out():
    with pytest.raises(Invalid, match="Invalid action"):
        MsTeams().read(call({}))
    with pytest.raises(Invalid, match="Missing/invalid alert_id"):
        MsTeams().read(call({"action": "ack"}))
    reading = MsTeams().read(call({"action": "blackout", "environment": "Production"}))
    assert not reading.mutes
    assert answered(reading).status == 412
