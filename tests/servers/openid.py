"""A provider of OpenID Connect: it signs with real keys, checks clients and PKCE, and can be told to go wrong."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

CLIENT, SECRET = "watchbell", "a secret: with/odd characters"


@cache
def _first_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


class OpenIdServer:
    """The provider, at `issuer`. `claims` are what the ID token says besides; `userinfo` what is told besides."""

    def __init__(self) -> None:
        self.keys: list[RSAKey | ECKey] = [_first_key()]
        self.claims: dict[str, Any] = {"sub": "s-1"}
        self.userinfo: dict[str, Any] = {}
        self.now = 0
        self.signed: Callable[[dict[str, Any]], str] = self._signed
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def consent(self, url: str) -> str:
        """What a person does who is sent to `url`: the code that the browser brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return code

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The answer of the token endpoint."""
        expected = base64.b64encode(b"watchbell:a%20secret%3A%20with%2Fodd%20characters").decode()
        if authorization != f"Basic {expected}":
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        challenge = asked.get("code_challenge", "")
        made = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if challenge and made.rstrip(b"=").decode() != challenge:
            return 400, {"error": "invalid_grant"}
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": self.now, "exp": self.now + 300, **self.claims}
        if "nonce" in asked:
            claims.setdefault("nonce", asked["nonce"])
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": self.signed(claims)}

    def _signed(self, claims: dict[str, Any]) -> str:
        key = self.keys[-1]
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key)

    def document(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
        }

    def answer(self, path: str, authorization: str) -> dict[str, Any]:
        """What a GET is answered with."""
        self.asked.append(path)
        if path == "/keys":
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        if path == "/userinfo":
            return {"sub": self.claims["sub"], **self.userinfo} if authorization == "Bearer access" else {}
        return self.document()


def shared_secret_token(claims: dict[str, Any]) -> str:
    """A token signed with the client's secret, which proves nothing."""
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(SECRET))


def unsigned_token(claims: dict[str, Any]) -> str:
    """A token that nobody signed."""
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none", "kid": "one"}, claims)
    )
    return f"{head}.{body}."


def _handler(server: OpenIdServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, server.answer(urlsplit(self.path).path, self.headers.get("Authorization", "")))

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            self._send(*server.token(form, self.headers.get("Authorization", "")))

        def _send(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
            """Say nothing."""

    return Handler
