"""Passkeys by python-fido2: what browsers are asked, and the checking of what they answer.

What devices say of their make (attestation) is neither asked for nor believed. Whatever is wrong with an answer, who
sent it learns that it is not good, and the reason in a few words.
"""

import struct
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from watchbell.domain.accounts import User
from watchbell.domain.errors import Invalid, Unauthenticated, WatchbellError
from watchbell.domain.passkeys import Passkey, RelyingParty
from watchbell.ports.passkeys import Answer, Made

NAME = "Watchbell"
TEXT_MAX = 16_384
"""Characters of one part of an answer; the longest that devices send have a few thousand."""
CREDENTIAL_MAX = 1023
"""Bytes of a credential's id, as the specification bounds it."""
_REQUIRED = UserVerificationRequirement.REQUIRED
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    struct.error,
)
"""What the library raises when something cannot be read, or is not what it should be."""
_Parsed = TypeVar("_Parsed", RegistrationResponse, AuthenticationResponse)


class _Parts(msgspec.Struct):
    clientDataJSON: str  # noqa: N815 - the names of the wire
    attestationObject: str = ""  # noqa: N815
    authenticatorData: str = ""  # noqa: N815
    signature: str = ""
    userHandle: str | None = None  # noqa: N815
    transports: list[str] = []


class _Credential(msgspec.Struct):
    rawId: str  # noqa: N815 - the name of the wire
    type: str
    response: _Parts


class WebAuthn:
    """Reads passkeys for one relying party."""

    def __init__(self, party: RelyingParty) -> None:
        self._party = party
        entity = PublicKeyCredentialRpEntity(id=party.id or "localhost", name=NAME)
        # Not all of the library's signatures are typed.
        self._server: Any = Fido2Server(entity, verify_origin=lambda origin: bool(origin) and origin == party.origin)
        self._server.timeout = 120_000  # milliseconds

    @property
    def missing(self) -> str:
        return self._party.missing

    def to_make(self, user: User, present: Sequence[Passkey], challenge: bytes) -> dict[str, Any]:
        person = PublicKeyCredentialUserEntity(
            id=user.id.encode(), name=user.login, display_name=user.name or user.login
        )
        options, _ = self._server.register_begin(
            person,
            [_descriptor(each) for each in present],
            resident_key_requirement=ResidentKeyRequirement.REQUIRED,
            user_verification=_REQUIRED,
            challenge=challenge,
        )
        return _plain(options.public_key)

    def made(self, answer: Answer, challenge: bytes) -> Made:
        with _reading(lambda reason: Invalid(reason, "credential")):
            found = _parsed(RegistrationResponse, answer, "attestationObject")
            _refuse_frames(found)
            data = self._server.register_complete(_state(challenge), found)
            credential = data.credential_data
            if credential is None or not 0 < len(credential.credential_id) <= CREDENTIAL_MAX:
                raise ValueError("there is no passkey in it")
            if credential.credential_id != found.raw_id:
                raise ValueError("its id is not that of the passkey in it")
            if credential.public_key[3] not in CoseKey.supported_algorithms():
                raise ValueError("its algorithm was not asked for")
            return Made(
                credential=websafe_encode(credential.credential_id),
                public_key=websafe_encode(cbor.encode(credential.public_key)),
                counter=data.counter,
                transports=_known_transports(_read(answer).response.transports),
            )

    def to_use(self, challenge: bytes) -> dict[str, Any]:
        options, _ = self._server.authenticate_begin(user_verification=_REQUIRED, challenge=challenge)
        return _plain(options.public_key)

    def credential_of(self, answer: Answer) -> str:
        with _reading(Unauthenticated):
            return websafe_encode(_parsed(AuthenticationResponse, answer, "authenticatorData").raw_id)

    def counter_of(self, answer: Answer, challenge: bytes, passkey: Passkey) -> int:
        with _reading(Unauthenticated):
            found = _parsed(AuthenticationResponse, answer, "authenticatorData")
            _refuse_frames(found)
            if found.response.user_handle != passkey.user_id.encode():
                raise ValueError("it names another user than the passkey's")
            self._server.authenticate_complete(_state(challenge), [_attested(passkey)], found)
            return found.response.authenticator_data.counter


@contextmanager
def _reading(wrong: Callable[[str], WatchbellError]) -> Generator[None]:
    """Raise our error for whatever the library says of an answer."""
    try:
        yield
    except (*_UNREADABLE, msgspec.MsgspecError) as error:
        why = str(error)[:200].rstrip(".") if isinstance(error, ValueError) else ""
        shown = "".join(char if char.isprintable() else "?" for char in why)
        raise wrong(f"the browser's answer is not good: {shown or 'it cannot be read'}") from None


def _read(answer: Answer) -> _Credential:
    found = msgspec.convert(answer, _Credential)
    parts = found.response
    texts = (found.rawId, parts.clientDataJSON, parts.attestationObject, parts.authenticatorData, parts.signature)
    if any(len(text) > TEXT_MAX for text in (*texts, parts.userHandle or "")):
        raise ValueError("it is too long")
    return found


def _parsed(kind: type[_Parsed], answer: Answer, data: str) -> _Parsed:
    """An answer of a kind, of the parts that count; what else the browser says is left out."""
    found = _read(answer)
    parts = {name: value for name, value in msgspec.structs.asdict(found.response).items() if value and value != []}
    parts.pop("transports", None)
    if data not in parts:
        raise ValueError(f"{data} is missing")
    return kind.from_dict({"id": found.rawId, "rawId": found.rawId, "type": found.type, "response": parts})


def _refuse_frames(found: RegistrationResponse | AuthenticationResponse) -> None:
    if found.response.client_data.cross_origin:
        raise ValueError("it comes from a frame in another site's page")


def _state(challenge: bytes) -> dict[str, Any]:
    return {"challenge": websafe_encode(challenge), "user_verification": _REQUIRED}


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        type=PublicKeyCredentialType.PUBLIC_KEY,
        id=websafe_decode(passkey.credential),
        transports=[AuthenticatorTransport(name) for name in passkey.transports],
    )


def _attested(passkey: Passkey) -> AttestedCredentialData:
    decode: Any = cbor.decode  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    key = CoseKey.parse(decode(websafe_decode(passkey.public_key)))
    return AttestedCredentialData.create(Aaguid.NONE, websafe_decode(passkey.credential), key)


def _known_transports(names: Sequence[str]) -> tuple[str, ...]:
    known = {each.value for each in AuthenticatorTransport}
    return tuple(dict.fromkeys(name for name in names if name in known))


def _plain(options: Any) -> dict[str, Any]:
    """Options as JSON has them."""
    return msgspec.json.decode(msgspec.json.encode(_plainly(options)))


def _plainly(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plainly(each) for name, each in value.items() if each is not None}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, str):
        return str(getattr(value, "value", value))
    if isinstance(value, Sequence):
        return [_plainly(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value
