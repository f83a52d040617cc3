"""The shipped systemd units: they hold what a mail daemon needs and nothing more (systemd.exec(5))."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
THRESHOLD = "15"  # tenths of systemd's exposure level: 1.5; a unit without any hardening has 9.6

ANALYZE = shutil.which("systemd-analyze")
here = pytest.mark.skipif(ANALYZE is None and os.environ.get("MAILGATE_REAL") != "1", reason="systemd-analyze is not installed")


@here
@pytest.mark.real
def test_service_is_exposed_no_more_than_it_must_be() -> None:
    """What somebody who takes over the process could reach, as systemd counts it."""
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={THRESHOLD}", UNITS / "mailgate.service"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout[-300:] + told.stderr


@here
@pytest.mark.real
def test_units_have_no_mistakes(tmp_path: Path) -> None:
    """Unknown keys and bad values are warnings that nobody reads; here they fail."""
    for unit in ("mailgate.service", "mailgate.socket"):
        text = (UNITS / unit).read_text().replace("/opt/mailgate/.venv/bin/mailgate", "/bin/true")
        (tmp_path / unit).write_text(text)
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "mailgate.service", tmp_path / "mailgate.socket"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [line for line in told.stderr.splitlines() if "mailgate" in line]
    assert complaints == []
