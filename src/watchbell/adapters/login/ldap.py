"""LDAP: who somebody is, by a bind with their password, and the groups that a directory has them in.

What people type is escaped wherever it goes. An empty password never leaves: directories take a bind with one as
anonymous, and say yes. Nothing is sent before TLS stands, and references to other servers are not followed. The library
waits in threads, so each log-in has one deadline after which its connections are cut.
"""

import asyncio
import contextlib
import functools
import math
import socket
import ssl
import stringprep
import threading
import time
import unicodedata
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, cast

import structlog

from watchbell.domain.admission import Identity
from watchbell.domain.errors import Overloaded, Retryable, Unauthenticated, WatchbellError
from watchbell.toolkit.login_ldap import Ldap, filled, is_dn

with warnings.catch_warnings():
    # The library's newest release reads names of pyasn1 that have newer ones.
    warnings.filterwarnings("ignore", r"\w+Map is deprecated", DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPException
    from ldap3.utils.conv import escape_filter_chars
    from ldap3.utils.dn import escape_rdn

_log = structlog.get_logger("ldap")

Connection = Any
"""The library's connection, whose methods have hardly any types."""

AT_ONCE = 8
"""So many log-ins are under way at the same time."""
WAITING = 64
LOGIN_MAX = 256  # characters
PASSWORD_MAX = 1024
GROUPS_MAX = 500

_SUCCESS, _SIZE_LIMIT, _NO_SUCH_OBJECT = 0, 4, 32
_NOT_NOW = frozenset({1, 2, 3, 7, 8, 11, 13, 51, 52, 80})
"""Result codes by which a directory says that it cannot answer, or not in this way, rather than no."""
_REFERRAL = 10


class _Name(NamedTuple):
    """What somebody typed, without signs that nobody sees, and its parts."""

    login: str
    username: str
    domain: str

    def values(self) -> dict[str, str]:
        return self._asdict()


class _Entry(NamedTuple):
    """An entry of the directory: values as they are, by the attribute's name in small letters."""

    dn: str
    values: Mapping[str, list[bytes]]

    def texts(self, attribute: str) -> list[str]:
        return [raw.decode("utf-8", "replace") for raw in self.values.get(attribute.lower(), [])]

    def first(self, attribute: str) -> str:
        return next(iter(self.texts(attribute)), "")


class LdapKeeper:
    """One directory."""

    def __init__(self, settings: Ldap) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"ldap-{settings.name}")
        self._under_way = 0

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        """What TLS trusts; making it takes longer than a log-in."""
        settings = self._settings
        try:
            context = ssl.create_default_context(cafile=settings.ca_file or None)
        except OSError:
            raise Retryable(f"{settings.heading}: the ca_file {settings.ca_file} cannot be read.") from None
        if not settings.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    async def check(self, login: str, password: str) -> Identity:
        name = _name(login, self._settings)
        secret = _sent(password)
        if name is None or not secret:
            raise Unauthenticated("Nobody has such a name or such a password.")
        if self._under_way >= AT_ONCE + WAITING:
            raise Overloaded("Too many people log in at this moment.", retry_after=2)
        talk = _Talk(self._settings, _Tls(self._context) if self._settings.encrypted else None)
        self._under_way += 1
        try:
            async with asyncio.timeout(self._settings.timeout):
                work = functools.partial(talk.identify, name, secret)
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError:
            raise Retryable(f"{self._settings.heading} does not answer.") from None
        finally:
            talk.cut()
            self._under_way -= 1


class _Talk:
    """One log-in: the connections that it takes, in the thread that waits for them."""

    def __init__(self, settings: Ldap, tls: ldap3.Tls | None) -> None:
        self._settings = settings
        self._tls = tls
        self._ends = time.monotonic() + settings.timeout
        self._lock = threading.Lock()
        self._open: list[Connection] = []
        self._over = False

    def identify(self, name: _Name, password: bytes) -> Identity:
        """Who this is; may wait until the deadline."""
        try:
            return self._identify(name, password)
        except (LDAPException, OSError) as error:
            reason = " ".join(str(error).split())[:500]
            _log.warning("directory_away", provider=self._settings.name, error=reason)
            if "CERTIFICATE_VERIFY_FAILED" in reason:
                raise Retryable(f"The certificate of {self._settings.heading} is not one to trust.") from None
            raise Retryable(f"{self._settings.heading} does not answer.") from None
        except WatchbellError:
            raise
        except Exception as error:  # task edge: what the library stumbles over in an answer may be anything
            # Its words may quote what was sent, passwords too.
            _log.warning("directory_unreadable", provider=self._settings.name, error=type(error).__name__)
            raise Retryable(f"{self._settings.heading} does not answer as a directory does.") from None
        finally:
            with self._lock:
                for connection in self._open:
                    _close(connection.socket)
                self._open.clear()

    def cut(self) -> None:
        """End what is waited for; nothing is when it is over."""
        with self._lock:
            self._over = True
            for connection in self._open:
                _shut(connection.socket)

    def _identify(self, name: _Name, password: bytes) -> Identity:
        settings = self._settings
        template = _template(name, settings)
        service = self._service() if settings.bind_dn or not template else None
        if not settings.user_filter:
            dn = filled(template, name.values(), _in_dn)
            person = self._person(dn, password)
            entry = self._read(service or person, dn)
            return self._identity(name, entry, self._groups(service or person, name, entry))
        # A name that is no DN is not escaped: it proves nothing by itself, the bind as the entry that is found does.
        searcher = service or self._person(
            filled(template, name.values(), _in_dn if is_dn(template) else str), password
        )
        entry = self._find(searcher, name)
        person = self._person(entry.dn, password)
        return self._identity(name, entry, self._groups(service or person, name, entry))

    def _service(self) -> Connection:
        """A connection as the account that searches, or as nobody."""
        settings = self._settings
        if not settings.bind_dn:
            connection = self._connect()
            connection.authentication = ldap3.ANONYMOUS
            refused = "searches without an account"
        else:
            connection = self._connect(settings.bind_dn, settings.bind_password.reveal().encode())
            refused = "its account to search with"
        if not connection.bind():
            raise Retryable(f"{settings.heading} refuses {refused}: {_described(connection)}")
        return connection

    def _person(self, dn: str, password: bytes) -> Connection:
        connection = self._connect(dn, password)
        if connection.bind():
            return connection
        if connection.result["result"] in _NOT_NOW:
            raise Retryable(f"{self._settings.heading} cannot tell now: {_described(connection)}")
        raise Unauthenticated("The directory refuses the name or the password.")

    def _connect(self, user: str = "", password: bytes = b"") -> Connection:
        """A connection that TLS protects, before anything is sent on it."""
        settings, address = self._settings, self._settings.address
        left = self._ends - time.monotonic()
        if left <= 0:
            raise Retryable(f"{settings.heading} does not answer.")
        secure = address.scheme == "ldaps"
        server = ldap3.Server(
            address.hostname or "",
            port=address.port or (636 if secure else 389),
            use_ssl=secure,
            tls=self._tls,
            get_info=ldap3.NONE,
            connect_timeout=left,
        )
        connection: Connection = ldap3.Connection(
            server,
            user=user or None,
            password=cast("Any", password or None),  # bytes stay as they are: preparing a text may leave nothing of it
            authentication=ldap3.SIMPLE if user else None,
            client_strategy=ldap3.SYNC,
            auto_referrals=False,
            check_names=False,
            read_only=True,
            receive_timeout=max(1, math.ceil(left)),
        )
        with self._lock:
            self._open.append(connection)
        connection.open(read_server_info=False)
        if self._over:
            raise Retryable(f"{settings.heading} does not answer.")
        if not secure and settings.start_tls:
            connection.start_tls(read_server_info=False)
            if not connection.tls_started:
                raise Retryable(f"{settings.heading} does not begin TLS.")
        return connection

    def _find(self, searcher: Connection, name: _Name) -> _Entry:
        settings = self._settings
        wanted = filled(settings.user_filter, name.values(), escape_filter_chars)
        found = self._search(searcher, settings.user_base, wanted, _attributes(settings), 2)
        if not found:
            raise Unauthenticated("The directory has nobody of this name.")
        if len(found) > 1:
            raise Unauthenticated("The directory has several people whom user_filter finds by this name.")
        return found[0]

    def _read(self, reader: Connection, dn: str) -> _Entry:
        wanted = _attributes(self._settings)
        found = self._search(reader, dn, "(objectClass=*)", wanted, 1, scope=ldap3.BASE)
        if not found:
            raise Retryable(f"{self._settings.heading} lets nobody read the entry of somebody whose password it takes.")
        return found[0]

    def _groups(self, reader: Connection, name: _Name, entry: _Entry) -> tuple[str, ...]:
        settings = self._settings
        found = entry.texts(settings.member_of_attribute) if settings.member_of_attribute else []
        if settings.group_filter:
            values = name.values() | {"dn": entry.dn, "email": entry.first(settings.email_attribute)}
            wanted = filled(settings.group_filter, values, escape_filter_chars)
            base, attribute = settings.group_base or settings.user_base, settings.group_attribute
            for group in self._search(reader, base, wanted, [attribute], GROUPS_MAX):
                found += [group.dn] if attribute.lower() == "dn" else group.texts(attribute)
        return tuple(dict.fromkeys(found))

    def _search(
        self,
        reader: Connection,
        base: str,
        wanted: str,
        attributes: list[str],
        most: int,
        scope: Any = ldap3.SUBTREE,
    ) -> list[_Entry]:
        left = max(1, math.ceil(self._ends - time.monotonic()))
        asked = [attribute for attribute in attributes if attribute.lower() != "dn"] or [ldap3.NO_ATTRIBUTES]
        reader.search(
            base,
            wanted,
            search_scope=scope,
            dereference_aliases=ldap3.DEREF_NEVER,
            attributes=asked,
            size_limit=most,
            time_limit=left,
        )
        if reader.result["result"] not in {_SUCCESS, _SIZE_LIMIT, _NO_SUCH_OBJECT, _REFERRAL}:
            raise Retryable(f"{self._settings.heading} refuses a search: {_described(reader)}")
        rows = cast("list[dict[str, Any]]", reader.response or [])
        return [_entry(row) for row in rows if row.get("type") == "searchResEntry"][:most]

    def _identity(self, name: _Name, entry: _Entry, groups: tuple[str, ...]) -> Identity:
        settings = self._settings
        marks = (entry.values.get(attribute.lower()) for attribute in settings.id_attributes)
        mark = next((values[0] for values in marks if values), b"")
        logins = [text for attribute in settings.login_attributes if (text := entry.first(attribute))]
        # The name that was typed is the person's own only where it makes their DN.
        typed = name.username if not settings.user_filter else ""
        return Identity(
            issuer=settings.issuer,
            subject=_mark_text(mark) or entry.dn,
            login=logins[0] if logins else typed,
            name=entry.first(settings.name_attribute),
            email=entry.first(settings.email_attribute),
            groups=groups,
        )


class _Tls(ldap3.Tls):
    """TLS by a context of our own: the library's checks no names by itself, and sends none."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)  # pyright: ignore[reportUnknownMemberType]
        self._context = context

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - its signature
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=connection.server.host)


def _name(typed: str, settings: Ldap) -> _Name | None:
    """What was typed and its parts; None when nobody can be called so."""
    login = unicodedata.normalize("NFKC", typed).strip()
    if not 0 < len(login) <= LOGIN_MAX or not login.isprintable() or any(map(stringprep.in_table_b1, login)):
        return None
    domain, back, username = login.rpartition("\\")
    if not back:
        username, at, domain = login.rpartition("@")
        username, domain = (username, domain) if at else (domain, "")
    domain = domain or settings.default_domain
    return _Name(login, username, domain) if username else None


def _sent(password: str) -> bytes:
    """What goes over the wire; nothing when it can be nobody's."""
    if len(password) > PASSWORD_MAX:
        return b""
    try:
        return password.encode()
    except UnicodeEncodeError:
        return b""


def _template(name: _Name, settings: Ldap) -> str:
    """What people of this domain are called; empty when there are no domains.

    Raises:
        Unauthenticated: it is none of them.
    """
    if not settings.domains:
        return ""
    known = {domain.lower(): template for domain, template in settings.domains.items()}
    if name.domain.lower() not in known:
        raise Unauthenticated("The directory has no such domain.")
    return known[name.domain.lower()]


def _attributes(settings: Ldap) -> list[str]:
    own = [settings.name_attribute, settings.email_attribute, settings.member_of_attribute]
    return list(dict.fromkeys(filter(None, [*own, *settings.login_attributes, *settings.id_attributes])))


def _entry(row: Mapping[str, Any]) -> _Entry:
    values: dict[str, list[bytes]] = {}
    for name, found in sorted(cast("Mapping[str, list[bytes]]", row["raw_attributes"]).items()):
        values.setdefault(name.partition(";")[0].lower(), []).extend(found)  # `mail;lang-en` is a mail, too
    return _Entry(str(row["dn"]), values)


def _mark_text(raw: bytes) -> str:
    """An id as a text: as it is, or in hex where it is no text."""
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        return raw.hex()
    return text if text.isprintable() else raw.hex()


def _in_dn(text: str) -> str:
    return escape_rdn(text)


def _shut(waiting: socket.socket | None) -> None:
    """Wake the thread that waits for it. Only the wire is ended: what TLS keeps belongs to that thread."""
    if waiting is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(waiting, socket.SHUT_RDWR)


def _close(used: socket.socket | None) -> None:
    if used is not None:
        with contextlib.suppress(OSError):
            used.close()


def _described(connection: Connection) -> str:
    return str(connection.result.get("description"))[:100]
