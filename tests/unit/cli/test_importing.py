import json
import stat
import tomllib

import pytest
import yaml
from typer.testing import CliRunner

from watchbell.cli import app
from watchbell.loading import load

CONF = """
divolte {
  global.kafka { enabled = true, producer.bootstrap.servers = "a:9092" }
  sources.web { type = browser, javascript.name = shop.js }
  sinks.clicks { type = kafka, topic = clicks }
  mappings.shop { sources = [web], sinks = [clicks], schema_file = s.avsc, mapping_script_file = m.groovy }
}
"""
SCHEMA = '{"type": "record", "name": "R", "fields": [{"name": "f", "type": ["null", "string"], "default": null}]}'
SCRIPT = "mapping {\n  map location() onto 'f'\n}\n"


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "s.avsc").write_text(SCHEMA)
    (tmp_path / "m.groovy").write_text(SCRIPT)
    file = tmp_path / "divolte-collector.conf"
    file.write_text(CONF)
    return file


def run(*arguments, env=None):
    return CliRunner().invoke(app, ["import", "divolte", *map(str, arguments)], env=env)


def test_to_a_folder(conf, tmp_path):
    out = tmp_path / "out"
    result = run(conf, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.split() == [str(out / "watchbell.toml"), str(out / "mapping.yaml")]
    assert "converted: settings, 1 mapping(s)" in result.stderr
    mapping = yaml.safe_load((out / "mapping.yaml").read_text())
    assert mapping["name"] == "shop"
    assert mapping["steps"] == [{"set": "f", "to": {"value": "location"}}]


def test_the_settings_are_good_settings(conf, tmp_path):
    out = tmp_path / "out"
    run(conf, "--out", out)
    settings = load(out / "watchbell.toml", {})
    assert settings.collector.sinks["clicks"]["servers"] == ["a:9092"]
    assert settings.collector.sources == {"web": {"type": "browser", "javascript_name": "shop.js"}}


def test_to_standard_output(conf):
    result = run(conf)
    toml, _, objects = result.stdout.partition("---\n")
    assert tomllib.loads(toml)["collector"]["sinks"]["clicks"]["topic"] == "clicks"
    assert yaml.safe_load(objects)["kind"] == "mapping"


def test_as_json(conf):
    result = run(conf, "--json")
    assert json.loads(result.stdout)["objects"][0]["name"] == "shop"


def test_what_is_left_out_is_named_and_ends_with_1(conf, tmp_path):
    (tmp_path / "m.groovy").write_text(SCRIPT.replace("}", "  if (\x1b[31mx) { }\n}"))
    assert run(conf).exit_code == 1
    (tmp_path / "m.groovy").write_text(SCRIPT.replace("}", "  if (x) { }\n}"))
    result = run(conf, "--out", tmp_path / "out")
    assert result.exit_code == 1
    said = result.stderr.partition("left out:")[2]
    assert f"{tmp_path / 'm.groovy'}:3: if (x) {{ }}" in said
    assert (tmp_path / "out" / "mapping.yaml").exists()
    assert run(conf, "--partial").exit_code == 0


def test_what_a_file_says_cannot_move_the_cursor(conf, tmp_path):
    (tmp_path / "m.groovy").write_text("mapping {\n  foo '\x1b[31mx'\n}")
    result = run(conf)
    assert "foo" in result.stderr
    assert "\x1b" not in result.stderr


def test_apply_plans_first_and_applies(conf, tmp_path):
    data = tmp_path / "data"
    migrated = CliRunner().invoke(app, ["migrate", "--data", str(data)])
    assert migrated.exit_code == 0, migrated.stderr
    result = run(conf, "--out", tmp_path / "out", "--apply", "--data", data)
    assert result.exit_code == 0, result.stderr
    assert "+ mapping shop" in " ".join(result.stdout.split())
    assert "configuration version" in result.stdout
    exported = CliRunner().invoke(app, ["export", "--data", str(data)])
    assert "name: shop" in exported.stdout


def test_nothing_is_applied_when_something_was_left_out(conf, tmp_path):
    (tmp_path / "m.groovy").write_text(SCRIPT.replace("}", "  if (x) { }\n}"))
    result = run(conf, "--apply", "--data", tmp_path / "data")
    assert result.exit_code == 1
    assert not (tmp_path / "data").exists()


def test_a_wrong_configuration_ends_with_1_and_all_is_named(conf):
    conf.write_text("divolte {\n  global.server.prot = 1\n  sources.x.type = ftp\n}")
    result = run(conf)
    assert result.exit_code == 1
    assert [line.split(": ")[1:3] for line in result.stderr.splitlines()] == [
        [f"{conf}:2", "divolte.global.server.prot"],
        [f"{conf}:3", "divolte.sources.x.type"],
    ]


def test_a_file_that_is_not_there(tmp_path):
    result = run(tmp_path / "none.conf")
    assert result.exit_code == 1
    assert "no such file" in result.stderr


def test_another_system():
    result = CliRunner().invoke(app, ["import", "nonsense", "x"])
    assert result.exit_code == 1
    assert "there are: alerta, divolte" in result.stderr


def test_a_password_is_for_the_owner_alone(conf, tmp_path):
    login = "security.protocol = SASL_SSL, sasl.mechanism = PLAIN, sasl.jaas.config = \"X username=u password='${P}';\""
    login = login.replace("'${P}';\"", '\'"${P}"\';"')
    conf.write_text(CONF.replace('producer.bootstrap.servers = "a:9092"', f"producer {{ {login} }}"))
    out = tmp_path / "out"
    result = run(conf, "--out", out, env={"P": "secret"})
    assert result.exit_code == 0, result.stderr
    assert stat.S_IMODE((out / "watchbell.toml").stat().st_mode) == 0o600
    assert tomllib.loads((out / "watchbell.toml").read_text())["collector"]["sinks"]["clicks"]["password"] == "secret"
    assert "secret" not in result.stderr


def test_a_request_kept_for_divoltes_test_server_tries_a_mapping(conf, tmp_path):
    run(conf, "--out", tmp_path / "out")
    request = tmp_path / "request.json"
    request.write_text('{"party_id": "0:0:x", "location": "http://h/", "viewport_pixel_width": 7}')
    mapping = tmp_path / "out" / "mapping.yaml"
    arguments = ["mapping", "try", str(mapping), "--event", str(request), "--divolte"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout.partition("\n")[2]) == {"f": "http://h/"}


def test_what_is_used_twice_is_named_and_written_without_anchors(conf, tmp_path):
    script = "mapping {\n def u = parse match('x(.*)').against(location()).group(1) to uri\n"
    script += "".join(f" map u.{part}() onto 'f'\n" for part in ("path", "host", "scheme")) + "}"
    (tmp_path / "m.groovy").write_text(script)
    text = run(conf).stdout
    assert "use: u" in text
    assert "&id" not in text
