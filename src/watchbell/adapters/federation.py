"""Another installation, spoken to as an Alerta server: what Watchbell's API understands, too.

Whatever it answers decides what becomes of a message: taken, refused for good, or to be tried again. Secrets go in
headers only, and are in no error.
"""

import asyncio
import base64
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.forwarding import LOOP_HEADER, Forward
from watchbell.domain.hawk import HawkKey, Target, sign
from watchbell.ports.clock import Clock
from watchbell.ports.remote import Unwell
from watchbell.toolkit.forwarding import ForwardTo
from watchbell.toolkit.http import HttpClient, HttpReply, HttpRequest, check_url

_JSON = "application/json"
_ANSWER_LIMIT = 64 << 10
_MOST_WAIT = 3600.0


class AlertaRemote:
    """One destination; see `Remote`."""

    def __init__(self, given: ForwardTo, http: HttpClient, clock: Clock) -> None:
        self._given = given
        self._http = http
        self._clock = clock
        self._base = given.url.rstrip("/")

    async def send(self, forward: Forward) -> None:
        match forward.verb:
            case "alert":
                reply = await self._exchange("POST", "/alert", _body(forward.alert), forward)
                if reply.status in {404, 405}:
                    raise Retryable(f"is no API of alerts: {_said(reply)}")
            case "action":
                reply = await self._by_name("PUT", "/action", _action(forward), forward)
            case _:
                reply = await self._by_name("DELETE", "", None, forward)
                if reply.status == 404:  # it has gone already
                    return
        _judge(reply)

    async def _by_name(self, method: str, path: str, body: dict[str, Any] | None, forward: Forward) -> HttpReply:
        """Alerts are known there by the id of their first message, or of their last."""
        reply = await self._exchange(method, f"/alert/{_quoted(forward.alert.id)}{path}", body, forward)
        if reply.status == 404 and forward.alert.last_receive_id != forward.alert.id:
            last = _quoted(forward.alert.last_receive_id)
            reply = await self._exchange(method, f"/alert/{last}{path}", body, forward)
        return reply

    async def _exchange(self, method: str, path: str, body: dict[str, Any] | None, forward: Forward) -> HttpReply:
        content = b"" if body is None else msgspec.json.encode(body)
        url = f"{self._base}{path}"
        headers = {LOOP_HEADER: ",".join(forward.via), **self._credentials(method, url, content)}
        if content:
            headers["Content-Type"] = _JSON
        request = HttpRequest(
            url=url,
            method=method,
            headers=headers,
            body=content,
            verify_tls=self._given.verify_tls,
            body_limit=_ANSWER_LIMIT,
        )
        try:
            async with asyncio.timeout(self._given.timeout):
                return await self._http.exchange(request)
        except TimeoutError:
            raise Retryable(f"no answer within {self._given.timeout:g} s") from None

    def _credentials(self, method: str, url: str, content: bytes) -> dict[str, str]:
        given = self._given
        if given.secret:
            address = check_url(url)
            target = Target(method=method, path=address.raw_path_qs, host=address.host or "", port=address.port or 443)
            key = HawkKey(id=given.key.reveal(), secret=given.secret.reveal())
            nonce = secrets.token_urlsafe(12)
            return {"Authorization": sign(target, key, self._clock.now(), nonce, _JSON if content else "", content)}
        if given.key:
            return {"Authorization": f"Key {given.key.reveal()}"}
        if given.username:
            both = base64.b64encode(f"{given.username}:{given.password.reveal()}".encode()).decode()
            return {"Authorization": f"Basic {both}"}
        return {"Authorization": f"Bearer {given.token.reveal()}"} if given.token else {}


def _judge(reply: HttpReply) -> None:
    """Nothing when the message was taken, or what to do about it."""
    status, said = reply.status, _said(reply)
    if 200 <= status < 300:
        return
    if status == 401 or (status == 403 and "scope" in said.lower()):
        raise Retryable(f"does not let us: {said}")  # until somebody mends the key
    if status < 400:
        raise Retryable(f"is somewhere else: {said}")
    if status == 500:
        raise Unwell(f"failed: {said}")
    if status > 500 or status in {408, 425, 429}:
        raise Retryable(f"takes nothing now: {said}", _wait(reply.headers.get("Retry-After", "")))
    raise Permanent(f"refused: {said}")


def _said(reply: HttpReply) -> str:
    try:
        message = msgspec.json.decode(reply.body, type=dict[str, Any]).get("message")
    except (msgspec.DecodeError, UnicodeDecodeError):
        message = None
    return f"{reply.status} {reply.reason}{f': {message}' if isinstance(message, str) else ''}"[:300]


def _wait(text: str) -> float:
    return min(float(text), _MOST_WAIT) if text.isascii() and text.isdecimal() else 0.0


def _quoted(identifier: str) -> str:
    return quote(identifier, safe="")


def _action(forward: Forward) -> dict[str, Any]:
    body: dict[str, Any] = {"action": forward.action, "text": forward.text}
    return body if forward.timeout is None else {**body, "timeout": forward.timeout}


def _body(alert: Alert) -> dict[str, Any]:
    """What is posted: the alert as it stood, under the id of the message that left it so."""
    body: dict[str, Any] = {
        "id": alert.last_receive_id,
        "environment": alert.environment,
        "resource": alert.resource,
        "event": alert.event,
        "severity": alert.severity,
        "correlate": alert.correlate,
        "service": alert.service,
        "group": alert.group,
        "value": alert.value,
        "text": alert.text,
        "tags": alert.tags,
        "attributes": alert.attributes,
        "origin": alert.origin,
        "type": alert.type,
        "createTime": _moment(alert.create_time),
        "timeout": alert.timeout,
        "rawData": alert.raw_data,
    }
    return body if alert.customer is None else {**body, "customer": alert.customer}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
