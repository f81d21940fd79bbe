from pathlib import Path

import pytest

from watchbell.cli.files import documents, located, read_objects, write_objects
from watchbell.domain.errors import Fault, Faulty, Permanent


def faults(place: Path) -> list[str]:
    with pytest.raises(Faulty) as raised:
        read_objects(place)
    return [f"{fault.field}: {fault.reason}".replace(str(place), "@") for fault in raised.value.faults]


def test_folders_are_read_with_all_below_in_the_order_of_names(tmp_path: Path):
    (tmp_path / "b.yaml").write_text("kind: host\nname: b1\n---\n---\nkind: host\nname: b2\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.yml").write_text("- {kind: host, name: a1}\n- {kind: host, name: a2}\n")
    (tmp_path / "notes.txt").write_text("no yaml: [")
    found = read_objects(tmp_path)
    assert [placed.body["name"] for placed in found] == ["a1", "a2", "b1", "b2"]
    assert found[3].where == f"{tmp_path}/b.yaml:5"


def test_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "a.yaml"
    file.write_text("kind: channel\nname: mail\nconfig: {password: !env MAIL_PASSWORD}\n")
    monkeypatch.delenv("MAIL_PASSWORD", raising=False)
    assert faults(file) == ["@:3: the variable MAIL_PASSWORD is not set"]
    monkeypatch.setenv("MAIL_PASSWORD", "hush")
    assert read_objects(file)[0].body["config"] == {"password": "hush"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("kind: host\nname: [", "@:2: expected the node content, but found '<stream end>'"),
        ("kind: host\nname: a\nname: b\n", "@:3: 'name' stands twice"),
        ("kind: host\nname: !!python/object/apply:os.system ['true']\n", "@:2: could not determine a constructor"),
        ("name: a\n", "@:1: must be a mapping with `kind`, `name` and other fields"),
        ("just text", "@:1: must be a mapping with `kind`, `name` and other fields"),
    ],
)
def test_bad_files_are_named_with_the_line(tmp_path: Path, text: str, fault: str):
    file = tmp_path / "a.yaml"
    file.write_text(text)
    (only,) = faults(file)
    assert only.startswith(fault)


def test_all_bad_files_are_named_at_once(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("[")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    assert len(faults(tmp_path)) == 2


def test_nothing_to_read_is_an_error(tmp_path: Path):
    with pytest.raises(Permanent, match="holds no files"):
        read_objects(tmp_path)
    with pytest.raises(Permanent, match="no such file"):
        read_objects(tmp_path / "gone")


def test_what_is_written_reads_back_and_is_always_the_same(tmp_path: Path):
    objects = [
        {"kind": "host", "name": "ü 🔔", "tags": ["a"], "address": "192.0.2.1"},
        {"name": "no", "kind": "service", "runbook": "https://example.org/?a=b#c"},
        {"kind": "host", "name": "b\u2028c", "site": "yes"},
    ]
    files = write_objects(tmp_path, objects)
    assert [file.name for file in files] == ["host.yaml", "service.yaml"]
    first = [file.read_bytes() for file in files]
    back = [placed.body for placed in read_objects(tmp_path)]
    assert sorted(back, key=lambda b: b["name"]) == sorted(objects, key=lambda b: b["name"])
    write_objects(tmp_path, [dict(reversed(list(thing.items()))) for thing in objects])
    assert [file.read_bytes() for file in files] == first
    assert documents(objects).startswith("# Secrets")


def test_faults_of_a_plan_are_told_by_file_and_name(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("kind: check\nname: web\n")
    objects = read_objects(tmp_path)
    given = [Fault(field="objects[0].config.url", reason="is required"), Fault(field="prune", reason="x")]
    shown = [fault.field.replace(str(tmp_path), "@") for fault in located(given, objects)]
    assert shown == ["@/a.yaml:1: check web: config.url", "prune"]
