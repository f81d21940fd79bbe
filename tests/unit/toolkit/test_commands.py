import pytest

from watchbell.domain.errors import Invalid
from watchbell.toolkit.commands import locate


def test_a_path_inside_a_permitted_directory():
    assert locate("/usr/lib/nagios/plugins/check_x", ["/usr/lib/nagios/plugins/"]) == "/usr/lib/nagios/plugins/check_x"
    assert locate("/opt//x", ["/"]) == "/opt/x"


@pytest.mark.parametrize(
    "program",
    [
        "/bin/sh",
        "/usr/lib/nagios/plugins-evil/x",
        "/usr/lib/nagios/plugins/../../../bin/sh",
        "../x",
        "a/b",
        "/usr/lib/nagios/plugins",
    ],
)
def test_everything_else_is_refused(program):
    with pytest.raises(Invalid):
        locate(program, ["/usr/lib/nagios/plugins"])


def test_a_bare_name_is_looked_up(tmp_path):
    (tmp_path / "check_x").touch()
    assert locate("check_x", ["/nowhere", str(tmp_path)]) == str(tmp_path / "check_x")
    with pytest.raises(Invalid, match="there is no program 'check_y'"):
        locate("check_y", [str(tmp_path)])
