"""The ways to log in that the settings ask for."""

from typing import Any

import msgspec

from watchbell.adapters.login.cas import CasProvider
from watchbell.adapters.login.passkeys import WebAuthn
from watchbell.adapters.login.saml import SamlProvider
from watchbell.bootstrap.parts import Parts
from watchbell.channels.email import Email, EmailConfig
from watchbell.config import Configuration
from watchbell.domain.passkeys import relying_party
from watchbell.domain.roles import RoleRules
from watchbell.ports.login import LoginProvider
from watchbell.ports.store import Store
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.login_cas import Cas
from watchbell.toolkit.login_ldap import Ldap
from watchbell.toolkit.login_provider import Provider
from watchbell.toolkit.login_providers import Azure, Cognito, GitHub, GitLab, Keycloak, OpenId, Remote, read_providers
from watchbell.toolkit.login_saml import Saml
from watchbell.toolkit.origins import Origins
from watchbell.toolkit.sending import SendingTools
from watchbell.usecases.admitting import Admitting, Gate
from watchbell.usecases.attesting import Attesting, PasswordGate
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.mailing import Mailing, Post
from watchbell.usecases.passkeys import Passkeys
from watchbell.usecases.presenting import Presenting
from watchbell.usecases.signing_up import SignUpTerms

RESERVED = ("admin-key", "anonymous")
"""What callers are called who have no account."""


def make_admitting(parts: Parts, store: Store, rules: RoleRules) -> Admitting:
    """Everything that lets people in on another's word."""
    given = parts.settings.egress
    # Who vouches for people is named by whoever runs this, so it may stand on the machine itself.
    policy = EgressPolicy(Egress(allow_loopback=True, allow=given.allow, deny=given.deny))
    http = HttpClient(policy)
    parts.stack.push_async_callback(http.close)
    told = [each for each in read_providers(parts.settings.login.providers) if not isinstance(each, Ldap)]
    gates = [_gate(each, _provider(each, http, policy, parts), rules) for each in told]
    return Admitting(store, parts.clock, parts.vault, gates, rules)


def make_attesting(parts: Parts, store: Store, admitting: Admitting, rules: RoleRules) -> Attesting:
    """Everything that asks directories about passwords."""
    directories = [each for each in read_providers(parts.settings.login.providers) if isinstance(each, Ldap)]
    return Attesting(store, parts.clock, admitting, [_password_gate(each, rules) for each in directories])


def _password_gate(settings: Ldap, rules: RoleRules) -> PasswordGate:
    from watchbell.adapters.login.ldap import LdapKeeper

    return PasswordGate(
        name=settings.name,
        kind=settings.type,
        title=settings.heading,
        keeper=LdapKeeper(settings),
        issuer=settings.issuer,
        terms=settings.terms(rules.user_roles[:1]),
    )


def make_passkeys(parts: Parts, store: Store, authenticating: Authenticating) -> dict[str, Any]:
    """What handlers name of passkeys."""
    reader = WebAuthn(relying_party(parts.settings.server.base_url))
    given = (store, parts.clock, parts.vault, reader, authenticating)
    return {"passkeys": Passkeys(*given), "presenting": Presenting(*given)}


def _gate(settings: Provider, provider: LoginProvider, rules: RoleRules) -> Gate:
    return Gate(
        name=settings.name,
        kind=settings.type,
        title=settings.heading,
        provider=provider,
        describe=provider.description if isinstance(provider, SamlProvider) else None,
        terms=settings.terms(rules.user_roles[:1]),
    )


def _provider(settings: Provider, http: HttpClient, policy: EgressPolicy, parts: Parts) -> LoginProvider:
    if isinstance(settings, GitHub):
        from watchbell.adapters.login.github import GitHubProvider

        return GitHubProvider(settings, http)
    if isinstance(settings, OpenId):
        from watchbell.adapters.login.openid import OpenIdProvider

        return OpenIdProvider(settings, http, parts.clock)
    if isinstance(settings, Saml):
        return SamlProvider(settings, http, parts.clock)
    if isinstance(settings, Cas):
        own = HttpClient(policy, settings.ca_file)
        parts.stack.push_async_callback(own.close)
        return CasProvider(settings, own, parts.settings.base_url, Origins(parts.settings.server.cors_origins))
    raise TypeError(settings)


def sign_up_terms(settings: Configuration) -> SignUpTerms:
    """What people may do by themselves."""
    login = settings.login
    return SignUpTerms(
        sign_up=login.sign_up,
        reset=login.reset_password and bool(settings.mail.host),
        verify_email=login.verify_email,
        mail=bool(settings.mail.host),
        domains=tuple(domain.lower() for domain in login.allowed_email_domains),
        reserved=frozenset({*RESERVED, *(key.id.lower() for key in login.hawk_keys())}),
    )


def make_post(parts: Parts) -> Post | None:
    """How mails to users leave; None where no mail server is set."""
    settings, mail = parts.settings, parts.settings.mail
    if not mail.host:
        return None
    tools = SendingTools(http=parts.http, egress=parts.egress, timeout=settings.delivery.attempt_timeout)
    channel = Email(EmailConfig(**msgspec.structs.asdict(mail)), tools)
    return Post(
        channel=channel,
        base_url=settings.base_url,
        attempt_timeout=settings.delivery.attempt_timeout,
        give_up_after=settings.delivery.give_up_after,
    )


def make_mailing(parts: Parts, store: Store) -> Mailing | None:
    """What sends letters to users; None where no mail server is set."""
    post = make_post(parts)
    return None if post is None else Mailing(store, parts.clock, post)


def offered(settings: Configuration) -> dict[str, Any]:
    """What Alerta's own pages are told of the one provider that they offer."""
    chosen = settings.login.alerta_provider
    for each in read_providers(settings.login.providers):
        if each.name == chosen:
            kind = {"saml": "saml2"}.get(each.type, each.type)  # as Alerta calls it
            return {"provider": kind, "provider_name": each.name, "provider_settings": told_of(each)}
    return {}


def told_of(provider: Provider) -> dict[str, str]:
    """What Alerta's pages put a provider's address together from."""
    found = {"client_id": provider.client_id} if isinstance(provider, Remote) else {}
    if isinstance(provider, Azure):
        found["azure_tenant"] = provider.tenant
    if isinstance(provider, Cognito):
        found |= {"aws_region": provider.region, "cognito_domain": provider.domain}
    if isinstance(provider, GitHub):
        found["github_url"] = provider.issuer
    if isinstance(provider, GitLab):
        found["gitlab_url"] = provider.issuer
    if isinstance(provider, Keycloak):
        found |= {"keycloak_url": provider.url.rstrip("/"), "keycloak_realm": provider.realm}
    return found
