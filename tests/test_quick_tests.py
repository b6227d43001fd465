"""Each test file is run by one of the scripts, and those of script/check are left out of script/test as a whole."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.quick_tests import is_quick

ROOT = Path(__file__).parent.parent


def test_a_file_is_quick_if_all_of_it_is() -> None:
    assert is_quick("tests/test_quick_tests.py")
    assert is_quick("tests/wire/test_tls.py")
    assert not is_quick("tests/wire/test_http.py"), "script/check leaves one test of it out"
    assert not is_quick("tests/report/test_html_browser.py")
    assert not is_quick("tests/lab/test_ssh.py")


def test_what_a_script_has_taken_over_exists() -> None:
    script = ". script/environment.sh; ls -d $TOOLS $HOSTILE $PEERS $FLEET"
    done = subprocess.run(["sh", "-euc", script, f"{ROOT}/script/test"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "tests/hostile" in done.stdout.split()


def test_no_quick_file_is_taken_over() -> None:
    """Script/check would run it a second time."""
    script = ". script/environment.sh; ls -d $TOOLS $HOSTILE $PEERS $FLEET"
    done = subprocess.run(["sh", "-euc", script, f"{ROOT}/script/test"], cwd=ROOT, capture_output=True, text=True)
    assert not [path for path in done.stdout.split() if is_quick(path)]
