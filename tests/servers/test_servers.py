"""The servers of the tests, tested: they start, answer, stay apart, go away and leave nothing behind."""

import os
import signal
import smtplib
import subprocess
import sys
import textwrap
from pathlib import Path

import aio_pika
import asyncpg
import httpx
import pytest

from servers.nginx import NginxServer
from servers.process import ServerFailedError, ServerProcess, free_port, is_listening, wait_until
from servers.smtp import SmtpServer


async def test_each_test_has_an_empty_database(postgres_url):
    connection = await asyncpg.connect(postgres_url)
    tables = await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'")
    await connection.execute("create table mine (id int)")
    await connection.close()
    assert tables == 0


def test_databases_differ(postgres_server, postgres_url):
    assert postgres_server.url(postgres_server.create_database()) != postgres_url


async def test_a_quorum_queue_takes_and_gives(rabbitmq_url):
    async with await aio_pika.connect(rabbitmq_url) as connection:
        channel = await connection.channel(publisher_confirms=True)
        queue = await channel.declare_queue("q", durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(b"hello"), "q", mandatory=True)
        message = await queue.get(timeout=10)
        assert message is not None
        assert message.body == b"hello"
        await message.ack()


def test_mail_is_kept_with_its_parts(smtp_server):
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.starttls(context=smtp_server.authority.client_context())
        client.sendmail("a@example.org", ["b@example.org"], "Subject: Hi\r\n\r\nthere\r\n")
    (mail,) = smtp_server.wait_for(1)
    assert (mail.sender, mail.recipients, mail.subject) == ("a@example.org", ["b@example.org"], "Hi")
    assert mail.text.strip() == "there"
    assert mail.encrypted


def test_mail_under_tls_from_the_first_byte(smtp_tls_server):
    context = smtp_tls_server.authority.client_context()
    with smtplib.SMTP_SSL(smtp_tls_server.host, smtp_tls_server.port, context=context) as client:
        client.sendmail("a@example.org", ["b@example.org"], "Subject: Hi\r\n\r\nthere\r\n")
    assert smtp_tls_server.wait_for(1)[0].encrypted


def test_mail_refused_then_accepted(smtp_server):
    smtp_server.refuse("451 later", times=1)
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        with pytest.raises(smtplib.SMTPDataError, match="later"):
            client.sendmail("a@example.org", ["b@example.org"], "Subject: Hi\r\n\r\nthere\r\n")
        client.sendmail("a@example.org", ["b@example.org"], "Subject: Hi\r\n\r\nthere\r\n")
    assert len(smtp_server.messages) == 1


def test_mail_wants_the_right_login():
    with SmtpServer(login=("me", "secret")) as server, smtplib.SMTP(server.host, server.port) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("me", "guess")
        with pytest.raises(smtplib.SMTPResponseException, match="required"):
            client.sendmail("a@example.org", ["b@example.org"], "Subject: Hi\r\n\r\nthere\r\n")
        client.login("me", "secret")
        client.sendmail("a@example.org", ["b@example.org"], "Subject: Hi\r\n\r\nthere\r\n")
        assert server.messages[0].user == "me"


def test_mail_server_goes_down_and_comes_back(smtp_server):
    smtp_server.down()
    assert not is_listening(smtp_server.port)
    smtp_server.up()
    assert is_listening(smtp_server.port)


def test_mail_server_going_down_hangs_up(smtp_server):
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.ehlo()
        smtp_server.down()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


def test_target_answers_as_told(http_target):
    http_target.answer(503, "busy")
    http_target.answer_path("/fine", 200, "fine", headers={"X-Seen": "yes"})
    http_target.answer_once(302, "", headers={"Location": "/fine"})
    with httpx.Client(base_url=http_target.url) as client:
        assert client.get("/").status_code == 302
        assert client.get("/").status_code == 503
        assert client.post("/fine?x=1", content=b"body").headers["X-Seen"] == "yes"
    assert [(r.method, r.path) for r in http_target.requests] == [("GET", "/"), ("GET", "/"), ("POST", "/fine?x=1")]
    assert http_target.requests[-1].body == b"body"


def test_target_goes_down_and_comes_back_on_its_port(http_target):
    with httpx.Client(base_url=http_target.url) as client:
        assert client.get("/").status_code == 200
        http_target.down()
        with pytest.raises(httpx.TransportError):
            client.get("/")
        http_target.up()
        assert client.get("/").status_code == 200


def test_target_under_tls(https_target):
    context = https_target.authority.client_context()
    assert httpx.get(https_target.url, verify=context).text == "ok\n"


def test_nginx_runs_the_configuration_it_is_given(nginx_runner):
    port = free_port()
    configuration = f"""
        events {{}}
        http {{ server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello"; }} }} }}
    """
    server: NginxServer = nginx_runner(configuration, port).start()
    assert httpx.get(f"http://127.0.0.1:{server.port}/").text == "hello"


def test_nginx_says_what_is_wrong_with_its_configuration(nginx_runner):
    with pytest.raises(ServerFailedError, match="unknown directive"):
        nginx_runner("no_such_thing on;", free_port()).start()


def test_a_port_that_was_handed_out_is_not_handed_out_again(monkeypatch: pytest.MonkeyPatch):
    """Neither here nor by another test process, although nothing listens on it yet."""
    first = free_port()
    monkeypatch.setattr("servers.process._LOWEST_PORT", first)
    monkeypatch.setattr("servers.process._HIGHEST_PORT", first + 1)
    with pytest.raises(ServerFailedError, match="no free loopback port"):
        free_port()
    ask = "import sys; from servers import process as p; p._LOWEST_PORT = int(sys.argv[1])"
    ask += "; p._HIGHEST_PORT = p._LOWEST_PORT + 1; p.free_port()"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    other = subprocess.run([sys.executable, "-c", ask, str(first)], check=False, capture_output=True, env=environment)
    assert b"no free loopback port" in other.stderr


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path):
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from servers.process import ServerProcess
        server = ServerProcess("sleep", ["sh", "-c", "sleep 600 & wait"], folder=Path(sys.argv[1])).start()
        print(server.pid, flush=True)
        time.sleep(600)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        group = int(parent.stdout.readline())
        os.killpg(group, 0)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not _group_exists(group), what="end of the orphaned server")


def test_what_nobody_stopped_is_ended(tmp_path: Path):
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from servers.process import ServerProcess, end_leftovers
        server = ServerProcess("sleep", ["sleep", "600"], folder=Path(sys.argv[1])).start()
        print(server.pid)
        end_leftovers()
        sys.exit(server.running)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-W", "error", "-c", script, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    assert not _group_exists(int(done.stdout))


def test_a_killed_server_starts_again(tmp_path: Path):
    server = ServerProcess("sleep", ["sleep", "600"], folder=tmp_path).start()
    first = server.pid
    server.kill()
    assert not server.running
    with server:
        assert server.running
        assert server.pid != first
    assert not _group_exists(first)


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
