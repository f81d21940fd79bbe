"""Installs the distribution, built as a wheel, and contributed plug-ins beside it, as an installer leaves them."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
COMPAT = HERE.parent


def install(folder: Path) -> None:
    """Into a folder that is then on Python's path."""
    built = folder / "built"
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=COMPAT, check=True, capture_output=True)
    (wheel,) = built.glob("watchbell_alerta-*.whl")
    zipfile.ZipFile(wheel).extractall(folder)
    for module in (HERE / "contributed").glob("*.py"):
        shutil.copy(module, folder)
    about = folder / "contributed-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: contributed\nVersion: 1.0\n")
    shutil.copy(HERE / "contributed.txt", about / "entry_points.txt")
