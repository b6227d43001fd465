"""The commands ``completion`` and ``schema``, and the words that the shell is offered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from fixtures.limits import HANG
from tests.cli.in_process import call


def test_schema_and_completion() -> None:
    assert json.loads(call("schema", "result").output)["title"] == "scanready result"
    assert json.loads(call("schema", "inventory").output)["type"] == "object"
    for shell in ("bash", "zsh", "fish", "powershell"):
        assert "_SCANREADY_COMPLETE" in call("completion", shell).output


def offered(store: Path, *words: str) -> list[str]:
    """Return the completions that bash gets for the last word, as ``KIND,VALUE``."""
    environment = {
        "_SCANREADY_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["scanready", *words]),
        "COMP_CWORD": str(len(words)),
        "SCANREADY_STORE": str(store),
    }
    done = subprocess.run(
        [sys.executable, "-m", "scanready"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_shell_is_offered_what_fits(tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    assert offered(store, "check", "--type", "post") == ["plain,postgresql"]
    assert offered(store, "types", "ss") == ["plain,ssh"]
    assert "plain,connect.filtered" in offered(store, "explain", "connect.")
    assert offered(store, "verify", "est") == ["file,est"]
    assert offered(store, "import", "--from", "n") == ["plain,nmap"]
    assert offered(store, "import", "--map", "t") == ["plain,type=", "plain,tags="]
    assert offered(store, "import", "x", "--against", "est") == ["file,est"]
    assert offered(store, "check", "-o", "out") == ["file,out"]
    assert offered(store, "report", "las") == ["file,las"]
    assert offered(store, "check", "post") == ["plain,postgresql://"]
    assert offered(store, "plan", "post") == ["file,post", "plain,postgresql://"]
    assert offered(store, "check", "--report", "json") == ["plain,json=", "plain,jsonl="]
    assert offered(store, "verify", "--only", "t") == ["plain,type=", "plain,tag="]
    assert offered(store, "verify", "--only", "tag=x,type=post") == ["plain,tag=x,type=postgresql"]
    assert offered(store, "report", "last", "--only", "owner=net") == ["plain,owner=network"]
    inventory = tmp_path / "estate.yaml"
    inventory.write_text("credentials: {oracle-er: {username: er}}\ntargets: [ssh://a]\n", encoding="utf-8")
    assert offered(store, "check", "--inventory", str(inventory), "--credential", "o") == ["plain,oracle-er"]
    assert offered(store, "check", "--inventory", "missing.yaml", "--credential", "o") == []
    call("check", "nobody.invalid", "--type", "ssh", "--store", str(store), "--timeout", "1")
    assert offered(store, "report", "las") == ["file,las", "plain,last", "plain,last~1"]
