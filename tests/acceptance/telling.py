"""What stories have in common: services that mail one person, what is pushed at them, and the mails that came."""

import secrets
from typing import Any

from acceptance.installation import Installation
from servers.process import wait_until
from servers.smtp import ReceivedMail, SmtpServer


def add_mail_channel(installation: Installation, mail: SmtpServer) -> None:
    """Make the channel `mail`."""
    config = {"host": mail.host, "port": mail.port, "security": "none", "sender": "watchbell@example.org"}
    installation.define("channel", name="mail", type="email", config=config)


class Watched:
    """A service whose policy mails one person, with a name that nobody else has."""

    def __init__(self, installation: Installation, mail: SmtpServer, name: str, steps: Any = None) -> None:
        self.installation = installation
        self.service = f"{name}-{secrets.token_hex(4)}"
        self.address = f"{self.service}@example.org"
        self._mail = mail
        alone = [{"after": 0, "targets": [{"channel": "mail", "to": self.address}]}]
        installation.define("policy", name=f"tell {self.service}", steps=steps or alone)
        installation.define("service", name=self.service, policy=f"tell {self.service}")

    def push(self, severity: str, event: str = "Down", **more: Any) -> dict[str, Any]:
        """Post an alert; returns it."""
        body = {
            "environment": "Production",
            "resource": f"host of {self.service}",
            "event": event,
            "severity": severity,
            "service": [self.service],
            "text": f"{self.service} is {severity}",
            **more,
        }
        return self.installation.call("POST", "/api/alert", body, 201)["alert"]

    @property
    def mails(self) -> list[ReceivedMail]:
        """What the person got."""
        return mails_to(self._mail, self.address)

    def wait_mails(self, count: int, timeout: float = 45) -> list[ReceivedMail]:
        """Wait until there are at least so many mails and return all."""
        return wait_mails_to(self._mail, self.address, count, timeout)

    def wait_incident(self, status: str) -> dict[str, Any]:
        """Wait until the service's incident is in that status."""
        return self.installation.wait_incident(self.service, status)

    @property
    def is_well(self) -> bool:
        """Whether it has no open incident."""
        return self.installation.incident(self.service, "open") is None


def mails_to(mail: SmtpServer, address: str) -> list[ReceivedMail]:
    """The mails that one address got."""
    return [message for message in mail.messages if address in message.recipients]


def wait_mails_to(mail: SmtpServer, address: str, count: int, timeout: float = 45) -> list[ReceivedMail]:
    """Wait until an address has at least so many mails and return all."""
    wait_until(lambda: len(mails_to(mail, address)) >= count, timeout, f"{count} mails to {address}")
    return mails_to(mail, address)


def send_event(installation: Installation, event_type: str) -> None:
    """One event, as a page sends it."""
    answer = installation.client.post(f"{installation.collector_url}/events", json=[{"event_type": event_type}])
    assert answer.is_success, answer.text
