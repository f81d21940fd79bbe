"""The gates of scripts/check as tests, so that one run and one summary tell of everything."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check"
NAMES = subprocess.run([SCRIPT, "--list"], check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_gate(name):
    done = subprocess.run([SCRIPT, name], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unknown_gate_is_an_error():
    assert subprocess.run([SCRIPT, "no-such-gate"], check=False, capture_output=True).returncode == 2
