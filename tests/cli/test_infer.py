"""`import --infer RUN`: an inventory with types, of what a run found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fixtures.emulators import in_background, ssh
from scanready.inventory import load
from scanready.run.target_name import name_of
from tests.cli import plugin


def run(where: Path, *arguments: str) -> Any:
    return plugin.run(where, arguments, {"PW": "s3cret-word"})


def test_what_a_run_found(plugins: Path, tmp_path: Path) -> None:
    with in_background(ssh.openssh_9_2) as server:
        (plugins / "estate.yaml").write_text(
            "credentials: {ad: {username: er, password: env:PW}}\n"
            "targets:\n"
            f"  - 127.0.0.1:{server.port}\n"
            "  - {host: a, port: 99, type: mood, tags: [x]}\n"
            "  - {host: b, port: 99, type: mood, is: refused}\n"
            "  - {host: c, port: 99, type: mood, credential: ad}\n"
        )
        run(plugins, "verify", str(plugins / "estate.yaml"), "--timeout", "30")
    kept = json.loads(run(plugins, "report", "last", "--format", "json").stdout)
    holds = next(result["as"] for result in kept["results"] if "as" in result)
    made = tmp_path / "made.yaml"
    done = run(plugins, "import", "--infer", "last", "-o", str(made))
    assert done.returncode == 0
    text = made.read_text()
    assert "s3cret-word" not in text
    assert "# result" in text
    assert "b: blocked by connect.refused" in text
    names = [name for name in text.splitlines() if "type: " in name]
    assert len(names) == len(holds) + 2
    for name in holds:
        assert f"{{host: 127.0.0.1, type: {name}, port: {server.port}}}" in text
    assert "found by trying every type" in text
    again = run(plugins, "import", "--infer", "last").stdout
    assert again == text


def test_it_loads_again(plugins: Path, tmp_path: Path) -> None:
    with in_background(ssh.openssh_9_2) as server:
        run(plugins, "check", f"127.0.0.1:{server.port}", "--timeout", "30")
    made = tmp_path / "made.yaml"
    assert run(plugins, "import", "--infer", "last", "-o", str(made)).returncode == 0
    found = load(made).targets
    assert found
    assert all(name_of(one).startswith(f"{one.type}://127.0.0.1:{server.port}") for one in found)


def test_what_is_wrong_is_one_line(plugins: Path) -> None:
    for arguments, says in (
        ([], "give either a FILE or --infer RUN"),
        (["x.csv", "--infer", "last"], "give either a FILE or --infer RUN"),
        (["--infer", "20200101-0000-abc"], "there are no stored runs yet"),
        (["--infer", "last", "--from", "csv"], "cannot be combined with --infer"),
    ):
        done = run(plugins, "import", *arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert says in done.stderr, done.stderr
