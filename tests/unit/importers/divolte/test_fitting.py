"""What our language or the schema refuses is left out and named; the rest stays."""

from watchbell.domain.events.mapping.compiled import compile_mapping
from watchbell.domain.events.mapping.model import Mapping
from watchbell.importers.divolte.fitting import fitted
from watchbell.importers.divolte.script import convert_script

SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [{"name": name, "type": ["null", "string"], "default": None} for name in ("f", "g")],
}


def fit(script, schema=None):
    mapping, omissions = fitted(Mapping(name="m", schema=schema or SCHEMA), convert_script(script))
    return mapping, [(each.line, each.reason) for each in omissions]


def test_a_field_that_the_schema_does_not_have():
    mapping, omissions = fit("mapping {\n map partyId() onto 'f'\n map partyId() onto 'x'\n map eventId() onto 'g'\n}")
    assert [step["set"] for step in mapping.steps] == ["f", "g"]
    ((line, reason),) = omissions
    assert line == 3
    assert "x" in reason
    compile_mapping(mapping)


def test_a_type_that_does_not_fit_inside_blocks():
    script = """mapping {
      section {
        when location().isPresent() apply {
          map true onto 'f'
          map 'x' onto 'g'
        }
      }
    }"""
    mapping, omissions = fit(script)
    assert [line for line, _ in omissions] == [4]
    (section,) = mapping.steps
    assert section["section"][0]["then"] == [{"set": "g", "to": "x"}]


def test_a_regular_expression_of_javas_own_takes_what_needs_it_with_it():
    script = """mapping {
      def m = match '(?<!a)b' against location()
      when m.matches() apply {
        map m.group(0) onto 'f'
      }
      when referer().isAbsent() apply {
        map m.group(0) onto 'f'
        map 'x' onto 'g'
      }
    }"""
    mapping, omissions = fit(script)
    assert {line for line, _ in omissions} == {3, 4, 7}
    (when,) = mapping.steps
    assert when["then"] == [{"set": "g", "to": "x"}]


def test_a_named_expression_that_cannot_be_read_takes_its_users_with_it():
    script = """mapping {
      def a = location().equalTo('x').and(match('(?!x)').against(referer()).matches())
      def b = a.or(location().isPresent())
      when b apply { map 'x' onto 'f' }
      when a apply { map 'x' onto 'f' }
      when b apply { map 'x' onto 'f' }
      map 'y' onto 'g'
    }"""
    mapping, omissions = fit(script)
    assert {line for line, _ in omissions} == {4, 5, 6}
    assert mapping.steps == [{"set": "g", "to": "y"}]
    assert mapping.define == {}


def test_a_mandatory_field_that_nothing_sets_is_told():
    schema = {"type": "record", "name": "R", "fields": [{"name": "must", "type": "string"}]}
    _, omissions = fit("mapping { }", schema)
    assert [line for line, _ in omissions] == [1]
    assert "must" in omissions[0][1]
