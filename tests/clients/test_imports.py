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
