"""The language of inbound formats: how JSON that some system posts becomes alerts. Plain data, nothing is executed.

A format's name is its address: what is posted to `/api/webhooks/<name>` is read by it. A form counts as an object of
texts.

    kind: webhook
    name: shop-monitor
    for_each: $.problems[*]         # none: the whole body is one
    skip_when: {equal: [{path: $.state}, pending]}
    close_when: {in: [resolved, ok], of: {path: $.state}}
    alert:
      resource: {path: $.host}
      event: {first_of: [{path: $.check.name}, "Problem"]}
      severity: {map: {path: $.level}, to: {fatal: critical, error: major}, default: warning}
      service: {split: {path: $.team}}
      text: {template: "{$.check.name} on {$.host}: {$.message}"}
      tags: {path: '$.labels[*]'}
      attributes:
        runbook: {path: $.links.runbook}

Fields
======
`resource` and `event` are needed. Texts: environment (what the query string says, else Production), severity (warning),
group (Misc), value, text, origin (the format's name), type (webhookAlert), customer, create_time (ISO 8601, or seconds
or milliseconds since 1970). Lists: service (the format's name), tags, correlate; a text is a list of one. timeout is in
seconds. attributes has a name for each value; absent ones are left out.

A severity that is none here is told while the format is tried. When a message comes with one, the alert is taken with
the severity that the word stands for, as of any vendor's webhook.

What `close_when` holds for has the severity `normal`, so it must name the same resource and event as the problem did.

Expressions
===========
A text, a number or a truth value stands for itself. Everything else is an object with exactly one operator and its
further keys; those in brackets may be left out. An expression that finds nothing is absent.

    path      {path: <JSONPath>, [in]}       in: item (what `for_each` found; the default), body, query (first value of
                                             each parameter). A definite path gives its value, another a list
    template  {template: <text>}             a text with `{<JSONPath>}` in it; what is absent leaves nothing, `{{` and
                                             `}}` are braces
    match     {match: <regex>, of, [group]}  whether the whole text matches (RE2); with `group` (number or name) what
                                             the group matched, absent when the text does not match
    map       {map: <expression>, to: {<text>: <text>…}, [default]}
                                             what stands for the value, else `default`, else absent
    split     {split: <expression>, [by]}    the parts of a text, without empty ones; by: a comma unless given
    first_of  {first_of: [<expression>…]}    the first that is present and not empty
    join      {join: [<expression>…], [with]}
                                             all that are present as one text
    lower, upper, trim   {lower: <expression>}

Conditions
==========
    {present: <expression>}   {absent: <expression>}   {equal: [<expression>, <expression>]}
    {less: [<expression>, <expression>]}   {greater: […]}     of numbers; else false
    {in: [<text>…], of: <expression>}   {match: <regex>, of: <expression>}
    {and: [<condition>…]}   {or: [<condition>…]}   {not: <condition>}

An absent value is equal to nothing, and in nothing.

A message is read in at most 500,000 steps: a step is a value that a path visits, or a hundred characters of a text.
"""

from typing import Any, Final

from watchbell.domain.managed import Managed

EXPRESSIONS_MAX: Final = 500
"""Expressions and conditions in one format."""
DEPTH_MAX: Final = 20
PATTERN_MAX: Final = 1000
"""Characters of a regular expression, a JSONPath or a template."""
ITEMS_MAX: Final = 1000
"""Alerts that one message may become."""
TEXT_MAX: Final = 60_000
"""Characters that a value is cut off at."""
TEXTS: Final = (
    "environment", "resource", "event", "severity", "group", "value", "text", "origin", "type", "customer",
    "create_time", "timeout",
)  # fmt: skip
LISTS: Final = ("service", "tags", "correlate")
REQUIRED: Final = ("resource", "event")


class Format(Managed, frozen=True, kw_only=True):
    """How JSON that some system posts to `/api/webhooks/<name>` becomes alerts."""

    for_each: str = ""
    """JSONPath of the problems in a message; empty: the message is one."""
    skip_when: Any = None
    """Condition for those that are no alert."""
    close_when: Any = None
    """Condition for those that say that a problem is over."""
    alert: dict[str, Any]
    """For each field of the alert an expression; `resource` and `event` are needed."""
    description: str = ""
    """What sends it, for people."""
