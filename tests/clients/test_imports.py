"""Client libraries are imported in one thread at a time, and a missing one says how to install it."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path

import pytest

from fixtures.limits import HANG
from scanready.causes import common
from scanready.clients.imports import importing
from scanready.climb.explain import Failure


def test_a_missing_library_says_how_to_install_it() -> None:
    with pytest.raises(Failure) as caught, importing("x is not installed: pip install x"):
        importlib.import_module("a_module_that_does_not_exist")
    assert caught.value.cause is common.DRIVER_MISSING
    assert caught.value.detail == "x is not installed: pip install x"
    assert caught.value.fix is not None
    assert caught.value.fix.splitlines()[1] == f"{sys.executable} -m pip install x"  # a host may have several pips


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("from os import nothing", "ImportError: cannot import name 'nothing'"),
        ("import os; os.nothing", "AttributeError: module 'os' has no attribute 'nothing'"),
        ("raise OSError('libodbc.so.2: no such file')", "OSError: libodbc.so.2: no such file"),
        ("print 'a library for Python 2'", "SyntaxError: Missing parentheses"),
        ("raise RuntimeError('\\x1b[2J\\nbuilt for another numpy')", "built for another numpy"),
    ],
)
def test_a_library_that_cannot_be_loaded_says_why(
    source: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "unfit_library.py").write_text(source)
    with pytest.raises(Failure) as caught, importing("x is not installed: pip install x"):
        importlib.import_module("unfit_library")
    found = caught.value
    assert found.cause is common.DRIVER_MISSING
    assert found.detail.startswith("x cannot be loaded: ")
    assert words in found.detail
    assert found.detail.isprintable()
    assert found.fix is not None
    assert found.fix.splitlines()[1] == f"{sys.executable} -m pip install --force-reinstall x"


def test_a_message_without_is_not_installed_still_reads_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "unfit_too.py").write_text("from os import nothing")
    with pytest.raises(Failure) as caught, importing("a Windows account needs pyspnego: pip install y"):
        importlib.import_module("unfit_too")
    assert caught.value.detail.startswith("a Windows account needs pyspnego, which cannot be loaded: ImportError")


def test_two_threads_never_import_at_the_same_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    busy = threading.Lock()
    overlaps: list[str] = []
    both = threading.Barrier(2)

    def load(name: str) -> None:
        both.wait()
        with importing("missing"):
            if not busy.acquire(blocking=False):
                overlaps.append(name)
                return
            importlib.import_module(name)
            busy.release()

    (tmp_path / "slow_one.py").write_text("import time; time.sleep(0.05)\n")
    (tmp_path / "slow_two.py").write_text("import time; time.sleep(0.05)\n")
    threads = [threading.Thread(target=load, args=(name,)) for name in ("slow_one", "slow_two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
    assert overlaps == []
    assert {"slow_one", "slow_two"} <= set(sys.modules)
    for name in ("slow_one", "slow_two"):
        del sys.modules[name]
