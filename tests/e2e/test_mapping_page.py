"""The page on which mappings are written: tried on an event that has just come, mended, saved, and used."""

import io
import re
from contextlib import suppress
from typing import Any

import fastavro
import httpx
from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from servers.accessibility import fits, violations
from servers.process import wait_until

MAPPING = """name: baskets
schema:
  type: record
  name: Basket
  fields:
    - {name: party, type: string}
    - {name: path, type: ["null", string], default: null}
    - {name: price, type: ["null", double], default: null}
steps:
  - {set: party, to: {value: party_id}}
  - {set: path, to: {uri: path, of: {value: location}}}
  - when: {equal: [{value: event_type}, addToBasket]}
    then:
      - {set: price, to: {path: $.price}}
"""
BASKET = {"party": "0:i1t84hgy:basket", "path": "/shoes/42", "price": 99.5}


def send(machine: SingleMachine, price: float) -> None:
    """A basket with something of that price."""
    event = {
        "event_type": "addToBasket",
        "party_id": "0:i1t84hgy:basket",
        "location": "https://shop.example/shoes/42?size=9",
        "parameters": {"price": price},
    }
    httpx.post(f"{machine.collector_url}/events", json=[event]).raise_for_status()


def baskets(machine: SingleMachine) -> list[dict[str, Any]]:
    """The records of the mapping in the event files, the one that is being written included."""
    found: list[Any] = []
    for path in (machine.folder / "data" / "events").rglob("*.avro*"):
        # The file may have been published meanwhile, and what is being written may lack its end.
        with suppress(FileNotFoundError, EOFError, ValueError):
            reader = fastavro.reader(io.BytesIO(path.read_bytes()))
            if "Basket" in str(reader.writer_schema):
                found += reader
    return found


def calm(page: Page) -> list[str]:
    """Gathers what goes wrong from now on."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.emulate_media(reduced_motion="reduce")
    return wrong


def wait_listed(desk: Page) -> None:
    """Wait until what was sent can be chosen."""

    def listed() -> bool:
        desk.get_by_role("button", name="Read again").click()
        return desk.get_by_label("Newest events").locator("option").filter(has_text="addToBasket").count() > 0

    wait_until(listed, 30, "the event that was sent")


def choose(desk: Page, words: str) -> None:
    """Choose the newest basket that has these words: what others sent may have come before."""
    newest = desk.get_by_label("Newest events")

    def chosen() -> bool:
        wait_listed(desk)
        newest.select_option(newest.locator("option").filter(has_text="addToBasket").first.get_attribute("value"))
        return words in desk.get_by_label("The event, as JSON").input_value()

    wait_until(chosen, 30, f"an event with {words}")


def test_a_mapping_is_tried_on_a_live_event_mended_saved_and_used(desk: Page, administrator: SingleMachine) -> None:
    wrong = calm(desk)
    send(administrator, 12.5)
    desk.goto(f"{administrator.url}/settings/mapping")
    desk.get_by_role("link", name="New mapping").first.click()
    expect(desk).to_have_url(re.compile("/settings/mapping/new"))
    written = desk.get_by_label("Mapping, as YAML or JSON")
    written.fill(MAPPING)
    choose(desk, '"price": 12.5')

    record = desk.get_by_role("region", name="Record")
    expect(record.get_by_role("row").filter(has_text="price")).to_contain_text("12.5")
    expect(record.get_by_role("row").filter(has_text="path")).to_contain_text("/shoes/42")
    expect(record.get_by_role("row").filter(has_text="party")).to_contain_text("0:i1t84hgy:basket")
    desk.get_by_text("The way it took").click()
    trace = desk.locator("details ol li")
    expect(trace.filter(has_text="price").first).to_contain_text("12.5")
    assert violations(desk) == []

    # A fault is named with its field, beside its line, and keeps it from being saved.
    written.fill(MAPPING.replace("{set: path,", "{set: paht,"))
    fault = desk.get_by_role("listitem").filter(has_text="paht").first
    expect(fault.get_by_role("button", name="Line 11")).to_be_visible()
    expect(desk.get_by_text("1 problem")).to_be_visible()
    assert violations(desk) == []
    desk.get_by_role("button", name="Create").click()
    expect(desk.get_by_role("alert").filter(has_text="Mend the problems before saving.")).to_be_visible()
    expect(written).to_be_focused()
    caret = written.evaluate("area => area.value.slice(0, area.selectionStart).split('\\n').length")
    assert caret == 11

    # Mended and saved by key alone.
    desk.keyboard.press("Control+a")
    desk.keyboard.insert_text(MAPPING)
    expect(desk.get_by_text("No problems.")).to_be_visible()
    desk.keyboard.press("Control+Enter")
    expect(desk).to_have_url(re.compile("/settings/mapping$"))
    expect(desk.get_by_role("link", name="baskets")).to_be_visible()
    assert wrong == []

    def used() -> bool:
        send(administrator, 99.5)
        return BASKET in baskets(administrator)

    wait_until(used, 60, "a record of the new mapping in the files")


def test_by_key_alone_on_a_phone_in_the_dark(desk: Page, administrator: SingleMachine) -> None:
    wrong = calm(desk)
    send(administrator, 1.5)
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.emulate_media(color_scheme="dark")
    desk.goto(f"{administrator.url}/settings/mapping/new")
    written = desk.get_by_label("Mapping, as YAML or JSON")
    expect(desk.get_by_role("region", name="Record")).to_be_visible()
    wait_listed(desk)
    written.focus()
    desk.keyboard.press("Tab")
    for name in ("Create", "Cancel"):
        expect(desk.get_by_role("button", name=name)).to_be_focused()
        desk.keyboard.press("Tab")
    newest = desk.get_by_label("Newest events")
    expect(newest).to_be_focused()
    desk.keyboard.press("ArrowDown")
    expect(desk.get_by_label("The event, as JSON")).to_have_value(re.compile("addToBasket"))
    fits(desk)
    assert violations(desk) == []
    assert wrong == []
