"""The console by the alarm model of ANSI/ISA 18.2, and buttons for actions of one's own."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from acceptance.installation import SingleMachine


@pytest.fixture(scope="module")
def machine() -> Iterator[SingleMachine]:
    """`watchbell up` with the other model."""
    installation = SingleMachine(
        WATCHBELL_ALERTS__MODEL="ISA_18_2", WATCHBELL_ALERTS__ACTIONS='["createIssue", "callSupplier"]'
    )
    try:
        yield installation
    finally:
        installation.stop()


def send(machine: SingleMachine, resource: str, severity: str, event: str = "Pressure") -> dict[str, Any]:
    body = {
        "resource": resource,
        "event": event,
        "environment": "Production",
        "service": ["Boilers"],
        "severity": severity,
        "text": f"{event} of {resource} is {severity}",
    }
    return machine.call("POST", "/api/alert", body)["alert"]


def act(machine: SingleMachine, alert: dict[str, Any], action: str) -> None:
    machine.call("PUT", f"/api/alert/{alert['id']}/action", {"action": action})


def status(machine: SingleMachine, alert: dict[str, Any]) -> str:
    return machine.call("GET", f"/api/alert/{alert['id']}")["alert"]["status"]


def row(page: Page, text: str) -> Locator:
    """The row that shows the text."""
    return page.locator('[role="row"][data-id]').filter(has_text=text)


def test_the_console_speaks_the_models_words(administrator: SingleMachine, desk: Page) -> None:
    machine = administrator
    waiting, taken, cleared = (send(machine, f"boiler-{number}", "High") for number in range(3))
    act(machine, taken, "ack")
    send(machine, "boiler-2", "OK")
    well = send(machine, "boiler-3", "OK")
    desk.goto(f"{machine.url}/alerts")
    expect(desk).to_have_url(re.compile("status=UNACK&status=ACKED&status=RTNUN"))
    expect(row(desk, "boiler-0")).to_contain_text("UNACK")
    expect(row(desk, "boiler-1")).to_contain_text("ACKED")
    expect(row(desk, "boiler-2")).to_contain_text("RTNUN")
    expect(row(desk, "boiler-3")).to_have_count(0)
    row(desk, "boiler-2").click()
    panel = desk.get_by_role("complementary", name="Details")
    expect(panel.get_by_role("button", name="Acknowledge")).to_be_visible()
    expect(panel.get_by_role("button", name="Close", exact=True)).to_have_count(1)  # the panel's own
    desk.keyboard.press("a")
    expect(row(desk, "boiler-2")).to_have_count(0)
    assert [status(machine, one) for one in (waiting, taken, cleared, well)] == ["UNACK", "ACKED", "NORM", "NORM"]


def test_what_was_done_to_several_is_undone_to_where_each_was(administrator: SingleMachine, desk: Page) -> None:
    machine = administrator
    names = ("pump-0", "pump-1", "pump-2")
    alerts = [send(machine, name, "Low", "Leak") for name in names]
    act(machine, alerts[1], "ack")
    send(machine, "pump-2", "OK", "Leak")
    before = [status(machine, one) for one in alerts]
    assert before == ["UNACK", "ACKED", "RTNUN"]
    desk.goto(f"{machine.url}/alerts?event=Leak")
    for name in names:
        row(desk, name).get_by_role("checkbox").check()
    bar = desk.get_by_role("toolbar", name="3 selected")
    expect(bar.get_by_role("button", name="Close")).to_have_count(0)
    bar.get_by_role("button", name="Shelve").click()
    message = desk.get_by_role("region", name="Messages").locator(".toast").filter(has_text="3 alerts shelved")
    message.hover()  # a message stays as long as the mouse is over it
    assert {status(machine, one) for one in alerts} == {"SHLVD"}
    message.get_by_role("button", name="Undo").click()
    for name, was in zip(names, before, strict=True):
        expect(row(desk, name)).to_contain_text(was)


def test_actions_of_ones_own_have_buttons(administrator: SingleMachine, desk: Page) -> None:
    machine = administrator
    alerts = [send(machine, f"valve-{number}", "Medium", "Stuck") for number in range(2)]
    desk.goto(f"{machine.url}/alerts/{alerts[0]['id']}")
    desk.get_by_role("button", name="createIssue").click()
    toasts = desk.get_by_role("region", name="Messages").locator(".toast")
    expect(toasts.filter(has_text="createIssue: 1 alert.")).to_be_visible()
    expect(desk.get_by_text("createIssue operator action")).to_be_visible()
    desk.goto(f"{machine.url}/alerts?event=Stuck")
    for number in range(2):
        row(desk, f"valve-{number}").get_by_role("checkbox").check()
    desk.get_by_role("toolbar", name="2 selected").get_by_role("button", name="callSupplier").click()
    expect(toasts.filter(has_text="callSupplier: 2 alerts.")).to_be_visible()
    for alert in alerts:
        last = machine.call("GET", f"/api/alert/{alert['id']}")["alert"]["history"][-1]
        assert (last["type"], last["text"], last["status"]) == ("action", "callSupplier operator action", "UNACK")
