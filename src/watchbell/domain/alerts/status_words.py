"""Statuses in queries: whoever asks by the words of the other alarm model, or of the former one, is understood.

A word finds what the model in force has for it, and alerts that are there since before the installation had this model
and have the former word until their next message. So a saved filter such as `status=open` goes on finding what needs
somebody, and never another status of the same model.
"""

import msgspec

from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import PHASES
from watchbell.domain.alerts.query import AlertQuery, AllOf, AnyOf, Expression, Filter, Negation

_FIELD = "status"
_EXACT = frozenset({"term", "phrase"})
"""Operators of the search language by which a word that is a status means that status alone."""


def meant(model: AlarmModel, word: str) -> tuple[str, ...]:
    """The statuses that the word stands for; the word itself when it is none of any model."""
    known = dict.fromkeys([*model.statuses, *PHASES])
    if word not in known:
        return (word,)
    wanted = model.words.get(word, word)
    return tuple(status for status in known if model.words.get(status, status) == wanted)


def understood(query: AlertQuery, model: AlarmModel) -> AlertQuery:
    """The query with statuses in all the words that they have."""
    filters = tuple(_filter(each, model) for each in query.filters)
    return msgspec.structs.replace(query, filters=filters, search=_search(query.search, model))


def _filter(given: Filter, model: AlarmModel) -> Filter:
    if given.field != _FIELD or given.operator != "eq":
        return given
    words = dict.fromkeys(status for word in given.values for status in meant(model, word))
    return msgspec.structs.replace(given, values=tuple(words))


def _search(given: Expression, model: AlarmModel) -> Expression:
    if isinstance(given, AllOf):
        return AllOf(parts=tuple(_search(part, model) for part in given.parts))
    if isinstance(given, AnyOf):
        return AnyOf(parts=tuple(_search(part, model) for part in given.parts))
    if isinstance(given, Negation):
        return Negation(part=_search(given.part, model))
    if given.field != _FIELD or given.operator not in _EXACT:
        return _filter(given, model)
    named = {status.lower(): status for status in (*PHASES, *model.statuses)}
    words = [named.get(value.lower(), "") for value in given.values]
    if not all(words):
        return given
    return _filter(msgspec.structs.replace(given, operator="eq", values=tuple(words)), model)
