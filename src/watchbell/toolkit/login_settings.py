"""Who may use it, and how they log in: the sections `auth`, `login` and `mail` of the settings."""

from typing import Any, Literal

import msgspec

from watchbell.domain.admission import ProxyTerms
from watchbell.domain.hawk import HawkKey
from watchbell.domain.roles import RoleRules
from watchbell.toolkit.settings import Secret, Settings, read


class Auth(Settings, frozen=True):
    """Who may use it."""

    required: bool = True
    """Whether callers must identify themselves. Without it everyone is an administrator."""
    admin_key: Secret = Secret("")
    """When set, an API key with this value and the scope `admin` exists; at least 16 characters."""
    secure_cookie: bool = False
    """Mark the session cookie `Secure` although this process serves plain HTTP (a proxy in front ends TLS)."""
    admin_users: list[str] = []
    """Logins of users who may do everything, whatever their roles."""
    admin_roles: list[str] = msgspec.field(default_factory=lambda: ["admin"])
    """Roles that may do everything."""
    user_roles: list[str] = msgspec.field(default_factory=lambda: ["user"])
    """Roles that have `user_scopes`; new users get the first."""
    guest_roles: list[str] = msgspec.field(default_factory=lambda: ["guest"])
    """Roles that have `guest_scopes`."""
    user_scopes: list[str] = msgspec.field(default_factory=lambda: list(RoleRules().user_scopes))
    """What `user_roles` may do."""
    guest_scopes: list[str] = msgspec.field(default_factory=lambda: list(RoleRules().guest_scopes))
    """What `guest_roles` may do."""
    custom_scopes: list[str] = []
    """Scopes besides those that there are, such as `read:reports`, for programs that ask what their caller may do."""
    delete_scopes: list[str] = []
    """Scopes such as `delete:alerts` that are no part of `write`, so that only `admin` or the scope itself has them."""

    allow_readonly: bool = False
    """Whether callers who do not identify themselves may read what `readonly_scopes` allow, and change nothing."""
    readonly_scopes: list[str] = msgspec.field(default_factory=lambda: ["read"])
    """What such callers may read: `read`, or scopes such as `read:alerts`."""
    customer_views: bool = False
    """Whether people who are no administrators see only what belongs to their customers; needs `required`."""

    def rules(self) -> RoleRules:
        """What is said of roles."""
        return RoleRules(
            admin_users=tuple(login.lower() for login in self.admin_users),
            admin_roles=tuple(self.admin_roles),
            user_roles=tuple(self.user_roles),
            guest_roles=tuple(self.guest_roles),
            user_scopes=tuple(self.user_scopes),
            guest_scopes=tuple(self.guest_scopes),
            custom_scopes=tuple(self.custom_scopes),
            delete_scopes=tuple(self.delete_scopes),
            customer_views=self.customer_views,
        )


class Mail(Settings, frozen=True):
    """The mail server for letters to users: to confirm an address, to set a new password.

    Alerts go through channels of their own.
    """

    host: str = ""
    """Name or address of the mail server; empty sends no letters."""
    port: int = 0
    """Port of the mail server; 0 means 587 with STARTTLS, 465 with TLS, 25 without."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is protected: `starttls`, `tls` from the first byte, or `none`."""
    verify_tls: bool = True
    """Whether the server's certificate must be valid."""
    ca_file: str = ""
    """File with the certificate authorities to trust (PEM) instead of the system's; empty means the system's."""
    username: str = ""
    """User name at the mail server; empty sends without logging in."""
    password: Secret = Secret("")
    """Password at the mail server; only sent under TLS."""
    sender: str = ""
    """Address that letters come from, such as `watchbell@example.org` or `Watchbell <watchbell@example.org>`."""


class HmacKey(Settings, frozen=True):
    """A program that signs its requests."""

    id: str
    """What it calls itself."""
    secret: Secret
    """What it signs with; at least 32 characters."""
    algorithm: Literal["sha256", "sha1"] = "sha256"
    """What it signs by."""
    scopes: list[str] = msgspec.field(default_factory=lambda: ["read", "write"])
    """What it may do."""


class Login(Settings, frozen=True):
    """Other ways to log in. The guide on logging in explains them."""

    sign_up: bool = False
    """Whether people make accounts by themselves. They get the first of `auth.user_roles`."""
    verify_email: bool = False
    """Whether a log-in by password needs a confirmed e-mail address, if there is one at all. Takes `mail.host`."""
    allowed_email_domains: list[str] = []
    """Domains of the e-mail addresses that may sign up; needs `verify_email`. Empty: all."""
    reset_password: bool = True
    """Whether people who forgot their password get a link by mail, where `mail.host` is set."""
    require_second_factor: Literal["off", "admins", "everyone"] = "off"
    """Of whom more than a password is required, here or in a directory: two-step log-in, or a passkey.

    `admins` are those who may administer anything. Whoever has neither sets one up before anything else.
    """
    providers: list[dict[str, Any]] = []
    """Log-in providers, several at once: tables `[[login.providers]]`. The page on log-in providers has their settings.
    """
    alerta_provider: str = ""
    """Name of the provider that Alerta's own pages offer, which know only one; empty is the password."""
    proxy_user_header: str = ""
    """Header in which a proxy of `server.trusted_proxies` names who is logged in; empty believes none.

    The proxy must take this header out of what clients send.
    """
    proxy_roles_header: str = ""
    """Header in which the proxy names their roles; empty leaves roles as they are here."""
    proxy_roles_separator: str = ","
    """What stands between roles in that header."""
    proxy_roles: dict[str, str] = {}
    """Role in the header → role here. Such a role is given and taken away; other roles stay."""
    proxy_sign_up: bool = True
    """Whether somebody whom the proxy names, and who is not known yet, becomes a user."""
    hmac: list[dict[str, Any]] = []
    """Who may sign requests with Hawk: tables `[[login.hmac]]` with `id`, `secret`, `scopes` and `algorithm`.

    Default scopes are `read` and `write`. `algorithm` is `sha256`, or `sha1` for old clients.
    """

    def proxy_terms(self) -> ProxyTerms:
        """Which headers of a proxy are believed."""
        return ProxyTerms(
            user_header=self.proxy_user_header.lower(),
            roles_header=self.proxy_roles_header.lower(),
            separator=self.proxy_roles_separator,
            roles=self.proxy_roles,
            sign_up=self.proxy_sign_up,
        )

    def hawk_keys(self) -> tuple[HawkKey, ...]:
        """Who may sign requests.

        Raises:
            InvalidSettings: a table is wrong.
        """
        keys = [read(HmacKey, table, prefix=f"login.hmac[{number}].") for number, table in enumerate(self.hmac)]
        return tuple(
            HawkKey(id=key.id, secret=key.secret.reveal(), algorithm=key.algorithm, scopes=tuple(key.scopes))
            for key in keys
        )
