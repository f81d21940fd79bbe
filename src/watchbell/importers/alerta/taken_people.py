"""People of Alerta, their groups, roles, customers and keys, as ours: by the same rules as if they were made here."""

from typing import Any

from watchbell.domain.access import HARDEST_BCRYPT, bcrypt_cost, key_faults, role_faults, user_faults
from watchbell.domain.accounts import ApiKey, CustomerLookup, Group, Permission, Profile, User
from watchbell.domain.alerts.policy import admit_attributes
from watchbell.domain.errors import Faulty, Invalid
from watchbell.domain.ids import new_id
from watchbell.importers.alerta.records import (
    RawCustomer,
    RawGroup,
    RawKey,
    RawRole,
    RawUser,
    moment,
    own_id,
    past,
    shaped,
)
from watchbell.ports.data_source import MovedUser, Terms
from watchbell.usecases.administering import chosen_faults
from watchbell.usecases.directory import LIMITS, MEMBERS_MAX, NAME_MAX, TEXT_MAX, check_words
from watchbell.usecases.sessions import digest

_ID_MAX = 200


def user_of(given: Any, terms: Terms) -> MovedUser:
    """A person; without a password that can be checked here, they have none, and the remark says so.

    Raises:
        Faulty: something of it would not be taken.
        Invalid: the same.
    """
    raw = shaped(RawUser, given)
    login, roles = raw.login or raw.email or "", tuple(dict.fromkeys(raw.roles or ()))
    faults = user_faults(login, raw.name or "", raw.email or "", roles)
    if faults:
        raise Faulty(faults)
    for role in roles:
        check_words("roles", role, NAME_MAX)
    check_words("id", raw.id, _ID_MAX)
    check_words("text", raw.text or "", TEXT_MAX, empty=True)
    attributes = raw.attributes or {}
    admit_attributes(attributes, LIMITS)
    made = past(raw.create_time, "createTime", terms.now) if raw.create_time else terms.now
    password, remark = _password(raw.password or "")
    user = User(
        id=own_id(raw.id),
        login=login,
        name=raw.name or "",
        email=raw.email or "",
        password_hash=password,
        roles=roles,
        active=raw.status in {None, "active"},
        created_at=made,
        last_login=past(raw.last_login, "lastLogin", terms.now) if raw.last_login else None,
    )
    profile = Profile(
        user_id=user.id,
        text=raw.text or "",
        attributes=attributes,
        email_verified=bool(raw.email_verified),
        updated_at=past(raw.update_time, "updateTime", terms.now) if raw.update_time else made,
    )
    return MovedUser(source_id=raw.id, user=user, profile=profile, remark=remark)


def _password(given: str) -> tuple[str, str]:
    """The hash that is kept, and why it is none."""
    cost = bcrypt_cost(given)
    if not cost:
        return "", "comes without a password"
    if cost > HARDEST_BCRYPT:
        return "", "comes without a password: to try one against its hash would take too long"
    return given, ""


def group_of(given: Any) -> Group:
    """A group; its members are Alerta's ids.

    Raises:
        Invalid: something of it would not be taken.
        Faulty: the same.
    """
    raw = shaped(RawGroup, given)
    check_words("id", raw.id, _ID_MAX)
    check_words("name", raw.name, NAME_MAX)
    check_words("text", raw.text or "", TEXT_MAX, empty=True)
    members = tuple(dict.fromkeys(raw.users or ()))
    if len(members) > MEMBERS_MAX:
        raise Invalid(f"has more than {MEMBERS_MAX} members", "users")
    return Group(id=raw.id, name=raw.name, text=raw.text or "", members=members)


def role_of(given: Any, terms: Terms) -> Permission:
    """A role of one's own.

    Raises:
        Invalid: something of it would not be taken.
        Faulty: the same.
    """
    raw = shaped(RawRole, given)
    scopes = tuple(dict.fromkeys(raw.scopes or ()))
    faults = role_faults(raw.match, scopes, terms.rules.custom_scopes)
    if faults:
        raise Faulty(faults)
    check_words("id", raw.id, _ID_MAX)
    return Permission(id=raw.id, match=raw.match, scopes=scopes)


def customer_of(given: Any) -> CustomerLookup:
    """A look-up of a customer.

    Raises:
        Invalid: something of it would not be taken.
        Faulty: the same.
    """
    raw = shaped(RawCustomer, given)
    for field in ("id", "match", "customer"):
        check_words(field, getattr(raw, field), NAME_MAX)
    return CustomerLookup(id=raw.id, match=raw.match, customer=raw.customer)


def key_of(given: Any, terms: Terms) -> ApiKey:
    """A key, by its hash; it keeps its scopes, its text and its end.

    Raises:
        Invalid: something of it would not be taken.
        Faulty: the same.
    """
    raw = shaped(RawKey, given)
    scopes = tuple(dict.fromkeys(raw.scopes or ()))
    faults = chosen_faults(raw.key or "-") + key_faults(scopes, raw.text or "", terms.rules.custom_scopes)
    if faults:
        raise Faulty(faults)
    check_words("id", raw.id, _ID_MAX)
    for field in ("user", "customer"):
        check_words(field, getattr(raw, field) or "", NAME_MAX, empty=True)
    used = past(raw.last_used_time, "lastUsedTime", terms.now) if raw.last_used_time else None
    return ApiKey(
        # Old installations have the key itself as its id: nothing of that is kept.
        id=new_id() if raw.id == raw.key else own_id(raw.id),
        hash=digest(raw.key),
        prefix=raw.key[:6],
        user=raw.user or "",
        scopes=scopes,
        text=raw.text or "",
        created_at=min(used or terms.now, terms.now),
        expires_at=moment(raw.expire_time, "expireTime") if raw.expire_time else None,
        last_used=used,
        customer=raw.customer or None,
    )
