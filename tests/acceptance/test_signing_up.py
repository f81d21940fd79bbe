"""An installation where people sign up, by Alerta's command line too; its mail server may be away."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from acceptance.installation import SingleMachine
from acceptance.telling import mails_to, wait_mails_to
from servers.alerta import AlertaCommand, AlertaRunner
from servers.process import wait_until
from servers.smtp import SmtpServer

pytestmark = pytest.mark.slow

PASSWORD, NEW = "correct horse battery", "another fine password"


def machine(mail: SmtpServer, **more: str) -> SingleMachine:
    settings = {"HOST": mail.host, "PORT": str(mail.port), "SECURITY": "none", "SENDER": "watchbell@example.org"}
    mails = {f"WATCHBELL_MAIL__{name}": value for name, value in settings.items()}
    made = SingleMachine(WATCHBELL_LOGIN__SIGN_UP="true", WATCHBELL_COLLECTOR__WORKERS="1", **mails, **more)
    made.call("POST", "/api/user", {"login": "root", "name": "Root", "password": PASSWORD, "roles": ["admin"]}, 201)
    return made


@pytest.fixture(scope="module")
def verified(mail: SmtpServer) -> Iterator[SingleMachine]:
    """People confirm their address."""
    made = machine(mail, WATCHBELL_LOGIN__VERIFY_EMAIL="true")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def trusting(mail: SmtpServer) -> Iterator[SingleMachine]:
    """They need not."""
    made = machine(mail)
    yield made
    made.stop()


def somebody() -> str:
    return f"s{secrets.token_hex(4)}@example.org"


def secret_in(mail: SmtpServer, address: str, number: int = 1) -> str:
    """The secret of the link in somebody's mail of this number."""
    letter = wait_mails_to(mail, address, number)[number - 1]
    found = re.search(r"http\S+#token=(\S+)", letter.text)
    assert found, letter.text
    return found.group(1)


def post(machine: SingleMachine, path: str, **body: str) -> httpx.Response:
    return httpx.post(f"{machine.url}/api{path}", json=body, timeout=30)


def test_alertas_command_signs_people_up(trusting: SingleMachine, alerta_program: AlertaRunner, tmp_path: Path):
    address = somebody()
    alerta = AlertaCommand(alerta_program, f"{trusting.url}/api", tmp_path)
    said = alerta.run("signup", "--name", "Sam", "--email", address, "--password", PASSWORD, "--text", "hi")
    assert said.stdout == "Signed Up.\n", said.stderr
    user = trusting.call("GET", f"/api/user/{address}")["user"]
    assert (user["name"], user["roles"], user["text"], user["email_verified"]) == ("Sam", ["user"], "hi", False)
    again = alerta.run("signup", "--email", address, "--password", PASSWORD)
    assert "already exists" in again.stderr
    assert post(trusting, "/auth/login", username=address, password=PASSWORD).status_code == 200


def test_alertas_command_says_that_the_address_must_be_confirmed(
    verified: SingleMachine, mail: SmtpServer, alerta_program: AlertaRunner, tmp_path: Path
):
    address = somebody()
    alerta = AlertaCommand(alerta_program, f"{verified.url}/api", tmp_path)
    said = alerta.run("signup", "--email", address, "--password", PASSWORD)
    assert "email not verified" in said.stderr
    assert post(verified, f"/auth/confirm/{secret_in(mail, address)}").status_code == 200
    assert post(verified, "/auth/login", username=address, password=PASSWORD).status_code == 200


def test_a_mail_server_that_is_away_holds_nobody_up_and_loses_no_letter(verified: SingleMachine, mail: SmtpServer):
    address = somebody()
    mail.down()
    try:
        answer = post(verified, "/auth/signup", email=address, password=PASSWORD)
        assert (answer.status_code, answer.json()["message"]) == (403, "email not verified")
        wait_until(lambda: "letter_not_sent" in verified.process.log(), 30, "a first try")
        verified.process.stop()
        verified.restart(verified.process)
    finally:
        mail.up()
    assert post(verified, f"/auth/confirm/{secret_in(mail, address)}").status_code == 200
    assert len(mails_to(mail, address)) == 1
    assert post(verified, "/auth/forgot", email=address).json()["message"] == "password reset sent"
    secret = secret_in(mail, address, 2)
    assert post(verified, f"/auth/reset/{secret}", password=NEW).status_code == 200
    assert post(verified, f"/auth/reset/{secret}", password=NEW).status_code == 400
    assert post(verified, "/auth/login", username=address, password=PASSWORD).status_code == 401
    assert post(verified, "/auth/login", username=address, password=NEW).status_code == 200
    letter = mails_to(mail, address)[1]
    assert f'href="{verified.url}/reset#token={secret}"' in letter.html
    assert secret not in verified.process.log()


def test_nobody_gets_a_letter_whom_there_is_no_account_of(verified: SingleMachine, mail: SmtpServer):
    address, known = somebody(), somebody()
    verified.call(
        "POST", "/api/user", {"login": known, "name": "", "email": known, "password": PASSWORD, "roles": ["user"]}, 201
    )
    answers = [post(verified, "/auth/forgot", email=each) for each in (address, known)]
    assert answers[0].json() == answers[1].json()
    wait_mails_to(mail, known, 1)
    assert mails_to(mail, address) == []
