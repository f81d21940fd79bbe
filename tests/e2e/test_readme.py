"""The first five minutes of README.md, each step as it is written there; the commands are read from it."""

import re
import shlex
import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from servers.process import PATIENCE
from servers.smtp import SmtpServer
from servers.target import HttpTarget

README = Path(__file__).resolve().parents[2] / "README.md"
STEPS = README.read_text().partition("## The first five minutes\n")[2].partition("\n## ")[0]


def step(number: int) -> str:
    """One numbered step."""
    found = re.search(rf"^{number}\. (.*?)(?=^\d\. |\n\n[A-Z]|\Z)", STEPS, flags=re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no step {number}"
    return found.group(1)


def curl(machine: SingleMachine, command: str, key: str = "") -> str:
    """Run a command of README.md against this machine; nothing but addresses and the key is put in."""
    for theirs, ours in (("http://127.0.0.1:8080", machine.url), ("http://127.0.0.1:8290", machine.collector_url)):
        command = command.replace(theirs, ours)
    words = shlex.split(command.replace("\\\n", " ").replace("YOUR-KEY", key))
    assert words[0] == "curl"
    done = subprocess.run([*words, "-fsS"], check=False, capture_output=True, text=True, timeout=20 * PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_five_minutes(machine: SingleMachine, page: Page, http_target: HttpTarget) -> None:
    _administrator(machine, page)
    key = _key(machine, page)
    pushed = re.search(r"```sh\n(.*?)```", step(2), flags=re.DOTALL)
    assert pushed
    command = " ".join(line.strip() for line in pushed.group(1).splitlines()).replace("\\ ", " ")
    curl(machine, command, key)
    page.goto(f"{machine.url}/alerts?status=open")
    alert = page.locator('[role="row"][data-id]').filter(has_text="web01")
    expect(alert).to_contain_text("no answer")
    page.keyboard.press("j")
    page.keyboard.press("a")
    machine.wait_alert(10, resource="web01", status="ack")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")

    with SmtpServer() as mail:
        _be_told(machine, page, mail)
        assert '"event":"Down"' in command
        curl(machine, command.replace('"event":"Down"', '"event":"Slow"'), key)
        (message, *_) = mail.wait_for(1)
        assert message.recipients == ["me@example.org"]
        assert "Shop" in message.subject
    incident = machine.wait_incident("Shop", "open")
    page.goto(f"{machine.url}/incidents/{incident['id']}")
    expect(page.get_by_role("main")).to_contain_text("Timeline")
    assert all(entry["reason"] for entry in machine.call("GET", f"/api/incident/{incident['id']}")["timeline"][:1])

    _watch(machine, page, http_target)

    collected = re.search(r"`(curl [^`]+)`", step(5))
    assert collected
    curl(machine, collected.group(1))
    page.goto(f"{machine.url}/events")
    expect(page.get_by_role("main")).to_contain_text("pageView")
    assert "`watchbell-data/events/`" in step(5)
    assert (machine.folder / "data" / "events").is_dir()


def _administrator(machine: SingleMachine, page: Page) -> None:
    assert "`/setup#token=…`" in step(1)
    page.goto(machine.setup_link)
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def _key(machine: SingleMachine, page: Page) -> str:
    """Settings → API keys, with the scope `write`."""
    assert "Settings → API keys, with the scope `write`" in step(2)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="API keys").click()
    page.get_by_role("main").get_by_role("button").filter(has_text=re.compile("key", re.IGNORECASE)).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").first.fill("first steps")
    dialog.get_by_role("checkbox", name=re.compile("write$")).check()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("status")).to_be_visible()
    shown = dialog.locator("code").first.inner_text().strip()
    dialog.get_by_role("button", name="Close").last.click()
    assert machine.call("GET", "/api/keys")["keys"][0]["text"] == "first steps"
    return shown


def _be_told(machine: SingleMachine, page: Page, mail: SmtpServer) -> None:
    """A channel, a policy whose first step names it, a service `Shop` with that policy: by their forms."""
    page.goto(f"{machine.url}/settings/channel/new")
    page.get_by_label("Name").fill("Mail")
    expect(page.get_by_label("Type")).to_have_value("email")
    page.get_by_label("Host").fill(mail.host)
    page.get_by_label("Sender").fill("watchbell@example.org")
    closed = page.locator("details:not([open]) > summary")
    for _ in range(closed.count()):
        closed.first.click()
    page.get_by_label("Port").fill(str(mail.port))
    page.get_by_label("Security").select_option("none")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Mail was saved.")).to_be_visible()

    page.goto(f"{machine.url}/settings/policy/new")
    page.get_by_label("Name").fill("Tell me")
    page.get_by_role("group", name="Steps").get_by_role("button", name="Add").first.click()
    page.get_by_role("group", name="Targets").get_by_role("button", name="Add").click()
    page.get_by_label("Channel").fill("Mail")
    page.get_by_label("To", exact=True).fill("me@example.org")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Tell me was saved.")).to_be_visible()

    page.goto(f"{machine.url}/settings/service/new")
    page.get_by_label("Name").fill("Shop")
    page.get_by_label("Policy").fill("Tell me")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Shop was saved.")).to_be_visible()


def _watch(machine: SingleMachine, page: Page, target: HttpTarget) -> None:
    """Checks → New: type `http`, a URL, the service `Shop`."""
    assert "allow_loopback = true" in step(4)  # as it is in this installation's settings
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Checks").click()
    page.get_by_role("main").get_by_role("link", name="New check").first.click()
    page.get_by_label("Name").fill("Front page")
    expect(page.get_by_label("Type")).to_have_value("http")
    page.get_by_label("URL").fill(target.url)
    page.get_by_label("Services").fill("Shop")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Front page")
    expect(page.get_by_role("main")).to_contain_text("HTTP 200")
    found = machine.call("GET", "/api/checks")["checks"]
    assert [check["services"] for check in found] == [["Shop"]]
