"""Whose customers people are, and what that lets them see and write: the rule of customer views, in one place.

Where customers are a set, only what belongs to one of them exists for the caller; None stands for everything.
"""

from collections.abc import Iterable

from watchbell.domain.accounts import CustomerLookup, Principal, User
from watchbell.domain.alerts.query import AlertQuery, Filter
from watchbell.domain.errors import Invalid

EVERY = "*"
"""Whoever is looked up to this customer belongs to all of them."""

Customers = frozenset[str] | None


def customers_of(lookups: Iterable[CustomerLookup], user: User, groups: Iterable[str]) -> Customers:
    """Those of a user, by login, roles, groups and the domain of the e-mail address; letter case counts in neither."""
    names = {name.lower() for name in (user.login, *user.roles, *groups, user.email.rpartition("@")[2]) if name}
    found = frozenset(each.customer for each in lookups if each.match.lower() in names)
    return None if EVERY in found else found


def is_address_of(login: str, email: str) -> bool:
    """Whether a login is the mail address.

    A proved address is its owner's alone. Any other login may be chosen to be the name of a group, a role or a mail
    domain, by which customers are looked up as well.
    """
    return bool(email) and login.lower() == email.lower()


def names_customers(lookups: Iterable[CustomerLookup], login: str) -> bool:
    """Whether whoever has this login would belong to a customer by it alone."""
    return any(each.match.lower() == login.lower() for each in lookups)


def sees(customers: Customers, customer: str | None) -> bool:
    """Whether what belongs to `customer` (None or empty: to nobody) is there for whoever has these customers."""
    return customers is None or (bool(customer) and customer in customers)


def narrowed(query: AlertQuery, customers: Customers) -> AlertQuery:
    """The query, over the alerts of these customers only."""
    if customers is None:
        return query
    mine = Filter(field="customer", values=tuple(sorted(customers)))
    return AlertQuery(
        filters=(*query.filters, mine),
        search=query.search,
        order=query.order,
        page=query.page,
        page_size=query.page_size,
        severities=query.severities,
        statuses=query.statuses,
    )


def assigned(by: Principal, wanted: str | None, resource: str = "") -> str | None:
    """The customer of what the caller writes; `wanted` empty or None means that they did not say.

    Whoever administers the `resource` may write it for any customer; without one, as for keys, nobody else's.

    Raises:
        Invalid: it may not be this one, or it must be said.
    """
    if by.customers is None:
        return wanted
    if wanted:
        if wanted not in by.customers and not (resource and by.may(f"admin:{resource}")):
            raise Invalid(f"not allowed to set customer to '{wanted}'")
        return wanted
    if len(by.customers) != 1:
        raise Invalid("must define customer as more than one possibility")
    return next(iter(by.customers))
