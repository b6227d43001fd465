"""The command as a process: exit codes, streams, pipes, signals. The target type comes from a plug-in."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.limits import HANG
from tests.cli import plugin
from tests.cli.plugin import started, until


def mood(name: str, host: str = "host", port: int = 99) -> str:
    return f"mood://{host}:{port}?is={name}"


def inventory(where: Path, *moods: str, head: str = "") -> str:
    lines = [f"  - {{host: host{n}, port: 99, type: mood, is: {name}}}" for n, name in enumerate(moods)]
    path = where / "estate.yaml"
    path.write_text("\n".join([head, "targets:", *lines, ""]))
    return str(path)


@pytest.mark.parametrize(
    ("moods", "options", "code"),
    [
        (["ready"], [], 0),
        (["limited", "ready"], [], 0),
        (["ready", "refused"], [], 1),
        (["ready", "throttled"], [], 3),
        (["throttled", "refused"], [], 1),
        (["ready"], ["--require", "ready"], 0),
        (["limited"], ["--require", "ready"], 1),
        (["throttled"], ["--require", "ready"], 3),
        (["ready"], ["--require", "scannable"], 1),
        (["ready"], ["--depth", "connect"], 3),
        (["ready"], ["--only", "host=nobody"], 4),
    ],
)
def test_the_exit_code_says_how_it_went(plugins: Path, moods: list[str], options: list[str], code: int) -> None:
    done = plugin.run(plugins, ["verify", inventory(plugins, *moods), *options])
    assert done.returncode == code, done.stderr


def test_a_login_that_is_accepted_is_scannable(plugins: Path) -> None:
    asked = ["check", "mood://host:99", "--user", "er", "--password-from", "env:PW", "--require", "scannable", "--json"]
    done = plugin.run_fresh(plugins, asked, {"PW": "hunter2-the-secret"})
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["results"][0]
    assert (result["verdict"], result["reached"]) == ("scannable", "access")
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check"], "TARGET"),
        (["chek", "db7"], "did you mean 'check'"),
        (["check", "mood://a:9", "--format", "xml"], "the formats are table, json, jsonl"),
        (["check", "mood://a:9", "--report", "xml=x"], "the formats are table, json, jsonl"),
        (["check", "mood://a:9", "--report", "json"], "FORMAT=FILE"),
        (["check", "mood://a:9", "--type", "postgres"], "did you mean 'postgresql'"),
        (["check", "mood://a:9", "--timeout", "nan"], "greater than 0"),
        (["check", "mood://a:9", "--wait", "soon"], "30s, 5m"),
        (["check", "ssh://a:b@c"], "password"),
        (["check", "mood://a:9", "-o", "/nonexistent/x"], "No such file"),
        (["verify", "/nonexistent.yaml"], "No such file"),
        (["explain", "connect.filterd"], "connect.filtered"),
        (["types", "postgres"], "postgresql"),
        (["check", "mood://a:9", "--credential", "x"], "--inventory"),
    ],
)
def test_bad_input_is_a_message_and_exit_code_2(plugins: Path, arguments: list[str], words: str) -> None:
    done = plugin.run(plugins, arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_broken_plugin_is_named_before_anything_is_probed(plugins: Path) -> None:
    (plugins / "moodplugin.py").write_text("import a_module_that_nobody_has\n")
    done = plugin.run_fresh(plugins, ["check", mood("ready")])
    assert done.returncode == 3
    assert "(mood = moodplugin:verify): does not load: ModuleNotFoundError" in done.stderr


def test_an_error_in_a_plugin_at_import_is_no_verdict(plugins: Path) -> None:
    (plugins / "moodplugin.py").write_text("raise ZeroDivisionError('at import')\n")
    done = plugin.run_fresh(plugins, ["check", mood("ready")])
    assert done.returncode == 3
    assert "does not load: ZeroDivisionError: at import" in done.stderr
    assert "agent.plugin-broken" in done.stdout


def test_every_problem_of_an_inventory_is_told_with_its_place(plugins: Path) -> None:
    path = plugins / "bad.yaml"
    path.write_text("targets:\n  - {host: a, type: sssh}\n  - {host: 'b c', type: ssh}\n")
    done = plugin.run_fresh(plugins, ["verify", str(path)])
    assert done.returncode == 2
    assert f"{path}:2:" in done.stderr
    assert f"{path}:3:" in done.stderr


def test_stdout_is_data_and_stderr_messages(plugins: Path) -> None:
    done = plugin.run_fresh(plugins, ["verify", inventory(plugins, "ready", "refused", "odd"), "--format", "jsonl"])
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(result["target"]["host"] for result in results) == ["host0", "host1", "host2"]
    assert done.stderr == ""


def test_several_reports_of_one_run(plugins: Path, tmp_path: Path) -> None:
    asked = ["verify", inventory(plugins, "ready", "refused"), "--json", "-o", str(tmp_path / "o.json")]
    asked += ["--report", f"jsonl={tmp_path / 'o.jsonl'}", "--report", f"table={tmp_path / 'o.txt'}"]
    done = plugin.run_fresh(plugins, asked)
    assert (done.returncode, done.stdout) == (1, "")
    document = json.loads((tmp_path / "o.json").read_text())
    assert document["run"]["targets"] == 2
    assert document["summary"]["verdicts"] == {"scannable": 0, "ready": 1, "limited": 0, "blocked": 1, "undecided": 0}
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert lines == document["results"]
    assert "1 ready (fine up to the login prompt), 1 blocked" in (tmp_path / "o.txt").read_text()


def test_the_inventory_is_not_written_over(plugins: Path) -> None:
    path = inventory(plugins, "ready")
    before = Path(path).read_text()
    done = plugin.run_fresh(plugins, ["verify", path, "-o", path])
    assert (done.returncode, Path(path).read_text()) == (2, before)


needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the device that is always full is Linux's")


@needs_full
def test_a_full_disk_under_o_sends_the_results_to_stdout(plugins: Path) -> None:
    for form in ("jsonl", "json", "table"):
        done = plugin.run_fresh(
            plugins, ["verify", inventory(plugins, "ready", "refused"), "--format", form, "-o", "/dev/full"]
        )
        assert done.returncode == 2
        assert "cannot write /dev/full: No space left" in done.stderr
        assert "host0" in done.stdout
        assert "host1" in done.stdout
        if form == "json":
            assert len(json.loads(done.stdout)["results"]) == 2


@needs_full
@pytest.mark.parametrize("option", ["--report=json=/dev/full", "--transcript=/dev/full"])
def test_a_full_disk_elsewhere_leaves_stdout_whole(plugins: Path, option: str) -> None:
    done = plugin.run_fresh(plugins, ["verify", inventory(plugins, "ready", "ready"), "--format", "jsonl", option])
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert len(done.stdout.splitlines()) == 2


@needs_full
def test_a_full_stdout_is_said(plugins: Path) -> None:
    for arguments in (["check", mood("ready")], ["types"], ["--help"]):
        with open("/dev/full", "w") as full:
            done = plugin.run_fresh(plugins, arguments, stdout=full)
        assert done.returncode == 2
        assert "No space left" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="streams are closed by a shell's >&-")
def test_closed_streams_are_no_error_of_ours(plugins: Path) -> None:
    """Otherwise the first connection would take the place of standard output and send the output to the target."""
    for streams in (">&-", "<&- >&- 2>&-"):
        command = f'exec "{sys.executable}" -m scanready check --no-store {mood("ready")} {streams}'
        done = subprocess.run(
            ["/bin/sh", "-c", command], env=plugin.environment(plugins), capture_output=True, text=True, timeout=HANG
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_closed_pipe_ends_the_probing_without_a_word(plugins: Path) -> None:
    """The reader takes one line and goes; the targets that are held up for ever must not hold the process."""
    moods = ["ready"] * 300 + ["held"] * 5
    asked = ["verify", inventory(plugins, *moods), "--format", "jsonl", "--concurrency", "10", "--timeout", "600"]
    with started(plugins, *asked, MOOD_RELEASE=str(plugins / "never")) as process:
        assert json.loads(process.stdout.readline())["verdict"] == "ready"
        process.stdout.close()
        assert process.wait(HANG) == 141
        assert process.stderr.read() == ""
        process.stdout = None


def test_ctrl_c_finishes_what_is_in_flight(plugins: Path) -> None:
    release = plugins / "release"
    path = inventory(plugins, "ready", *["held"] * 20)
    asked = [
        "verify",
        path,
        "--format",
        "jsonl",
        "--concurrency",
        "3",
        "--timeout",
        "600",
        "--report",
        "json=" + path + ".json",
    ]
    with started(plugins, *asked, MOOD_RELEASE=str(release), MOOD_LOG=str(plugins / "log")) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert "interrupted: finishing the targets under way" in process.stderr.readline()
        release.touch()
        rest, messages = process.communicate(timeout=HANG)
        assert process.returncode == 130
    lines = [json.loads(line) for line in [first, *rest.splitlines()]]
    assert 1 < len(lines) <= 4
    assert {line["verdict"] for line in lines} == {"ready"}
    document = json.loads(Path(path + ".json").read_text())
    assert document["summary"]["interrupted"] is True
    assert document["summary"]["unchecked"] == 21 - len(lines)
    assert f"{len(lines)} of 21 targets were finished" in messages


def test_ctrl_c_twice_leaves_at_once(plugins: Path) -> None:
    asked = ["verify", inventory(plugins, "ready", *["held"] * 5), "--format", "jsonl", "--timeout", "600"]
    with started(plugins, *asked, MOOD_RELEASE=str(plugins / "never")) as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert "interrupted" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(HANG) == 130
        assert "Traceback" not in process.stderr.read()


def test_a_reader_that_rests_does_not_stop_the_event_loop(plugins: Path) -> None:
    """No reader empties the pipe: a talk in flight must continue, or it would miss its deadline."""
    release, log = plugins / "release", plugins / "log"
    path = inventory(plugins, "held", *["ready"] * 300)
    extra = {"MOOD_RELEASE": str(release), "MOOD_LOG": str(log)}
    with started(plugins, "verify", path, "--format", "jsonl", "--timeout", "600", **extra) as process:
        until(lambda: _pipe_is_full(process.stdout.fileno()))
        release.touch()
        until(log.exists)
        lines = process.stdout.read().splitlines()
        assert process.wait(HANG) == 0
    assert len(lines) == 301


def _pipe_is_full(descriptor: int) -> bool:
    import array
    import fcntl
    import termios

    waiting = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, waiting)
    return waiting[0] > 40_000


def test_help_is_quick_and_imports_nothing_heavy(plugins: Path) -> None:
    heavy = ["asyncio", "pydantic", "rich", "ruamel", "cryptography", "ssl", "socket", "paramiko", "impacket", "h11"]
    script = (
        "import sys, atexit\n"
        f"heavy = {heavy!r}\n"
        "atexit.register(lambda: print('LOADED', [name for name in heavy if name in sys.modules], file=sys.stderr))\n"
        "from scanready.cli import main\nmain(['--help'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=plugin.environment(plugins),
        capture_output=True,
        text=True,
        timeout=HANG,
        check=True,
    )
    assert "scanready check db7" in done.stdout
    assert done.stderr.strip() == "LOADED []"


def test_help_costs_less_than_150_ms(plugins: Path) -> None:
    """The bound is on processor time, because wall time depends on the machine's other work."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        plugin.run_fresh(plugins, ["--help"])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    once()  # compiles
    assert min(once() for _ in range(7)) < 0.150


def test_the_launcher_of_a_bare_checkout(plugins: Path) -> None:
    environment = plugin.environment(plugins)
    del environment["PYTHONPATH"]
    asked = [sys.executable, str(plugin.ROOT / "cli.py"), "types", "ssh", "--json"]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, timeout=HANG, check=True)
    assert json.loads(done.stdout)["port"] == 22


def test_a_terminal_that_only_knows_ascii(plugins: Path) -> None:
    done = plugin.run_fresh(plugins, ["check", mood("limited")], {"PYTHONIOENCODING": "ascii"})
    assert done.stdout.isascii()
    assert "+  connect" in done.stdout


def test_options_come_from_the_environment_too(plugins: Path) -> None:
    done = plugin.run_fresh(plugins, ["check", mood("ready")], {"SCANREADY_FORMAT": "json", "SCANREADY_TIMEOUT": "7"})
    assert json.loads(done.stdout)["run"]["timeout"] == 7
