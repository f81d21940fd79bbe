"""Text from outside is text: whatever an alert says, no page runs it."""

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from acceptance.installation import SingleMachine

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "javascript:document.title='owned'",
    '"><svg onload="document.title=\'owned\'">',
    "{{constructor.constructor('document.title=1')()}}",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_every_field_of_an_alert_is_shown_as_text(
    administrator: SingleMachine, desk: Page, text: str
) -> None:
    alert = administrator.call(
        "POST",
        "/api/alert",
        {
            "resource": f"r {text}",
            "event": f"e {text}",
            "environment": "Production",
            "severity": "major",
            "service": [f"s {text}"],
            "group": text,
            "value": text,
            "text": text,
            "tags": [text],
            "attributes": {"note": text, "link": text},
            "origin": text,
            "rawData": text,
        },
    )["id"]
    administrator.call("PUT", f"/api/alert/{alert}/note", {"text": text})
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        said.append(message.text)

    desk.on("console", hear)
    base = administrator.url
    for path in ("/", "/alerts", f"/alerts?open={alert}", f"/alerts?service=s%20{text}", f"/alerts/{alert}"):
        desk.goto(base + path)
        expect(desk.get_by_role("main")).to_contain_text(text)
        assert "owned" not in desk.title()
        assert desk.locator("main script, main img, main iframe").count() == 0
    for tab in ("Details", "Raw", "Timeline"):
        desk.get_by_role("tab", name=tab).click()
        expect(desk.get_by_role("tabpanel")).to_contain_text(text[:5])
    assert desk.locator('a[href^="javascript:" i]').count() == 0
    assert not [line for line in said if "owned" in line or "Content Security Policy" in line]
