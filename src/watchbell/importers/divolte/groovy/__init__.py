"""The part of Groovy that Divolte's mapping scripts are written in, read into a syntax tree and never executed."""

from watchbell.importers.divolte.groovy.parser import parse_script
from watchbell.importers.divolte.groovy.tree import (
    Call,
    Closure,
    Do,
    Expression,
    InvalidGroovy,
    Let,
    ListOf,
    Literal,
    Name,
    Operation,
    Property,
    Statement,
    Template,
    Unreadable,
)

__all__ = [
    "Call",
    "Closure",
    "Do",
    "Expression",
    "InvalidGroovy",
    "Let",
    "ListOf",
    "Literal",
    "Name",
    "Operation",
    "Property",
    "Statement",
    "Template",
    "Unreadable",
    "parse_script",
]
