"""References to credentials of systemd, to AWS Secrets Manager (moto stands for it), and to the output of a command."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from scanready.files import config_folders
from scanready.inventory import InventoryError, load, resolve_secret, secret_command
from scanready.inventory.local_accounts import local_accounts
from scanready.inventory.sources import changes_unseen, source_of
from tests.cli.plugin import until


def wrong(reference: str, *, commands: bool = False) -> str:
    with pytest.raises(InventoryError) as caught:
        resolve_secret(reference, commands=commands)
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


def python(program: str, *arguments: str) -> str:
    return f"exec:{shlex.join([sys.executable, '-c', program, *arguments])}"


def runs(pid: int) -> bool:
    """Return whether a process computes or sleeps; a zombie does neither."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class TestCredstore:
    def test_the_credential_of_a_unit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "pw").write_bytes("Pässw0rd\r\n".encode("utf-16"))
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        assert resolve_secret("credstore:pw") == "Pässw0rd"
        assert wrong("credstore:other") == "`credstore:other` cannot be read: No such file or directory"

    def test_without_a_unit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
        assert "systemd sets it for a unit with LoadCredential=pw:PATH" in wrong("credstore:pw")

    @pytest.mark.parametrize("name", ["../pw", "/etc/passwd", "..", "."])
    def test_no_other_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        assert "needs the name of a credential, without a folder" in wrong(f"credstore:{name}")

    def test_the_start_of_a_unit_is_no_new_secret(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        found = []
        for _ in range(2):
            (tmp_path / "pw").write_text("x")
            found.append(source_of({"password": "credstore:pw"}, tmp_path))
        assert found[0] == found[1]
        assert changes_unseen(found[0])


class TestCommand:
    def test_its_output_without_the_line_end(self) -> None:
        assert resolve_secret(python("print('s3cret ')"), commands=True) == "s3cret "

    def test_there_is_no_shell(self) -> None:
        told = python("import sys, json; print(json.dumps(sys.argv[1:]))", "$HOME; echo x", "a b")
        assert json.loads(resolve_secret(told, commands=True)) == ["$HOME; echo x", "a b"]

    def test_it_does_not_run_in_the_working_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        assert resolve_secret(python("import os; print(os.getcwd())"), commands=True) != str(tmp_path)

    @pytest.mark.skipif(os.name == "nt", reason="Windows takes full paths only")
    def test_the_working_folder_provides_no_program(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "vault").write_text("#!/bin/sh\necho hunter2\n")
        (tmp_path / "vault").chmod(0o755)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PATH", ".::bin")
        assert wrong("exec:vault read", commands=True) == "exec: there is no program `vault`"
        assert "relative path" in wrong("exec:./vault read", commands=True)

    @pytest.mark.parametrize(
        ("program", "problem"),
        [
            (
                "import sys; print('hunter2'); print('hunter2', file=sys.stderr); sys.exit(7)",
                " ended with exit code 7; ",
            ),
            ("print('hunter2' * 20_000)", " wrote more than 64 KiB"),
            ("import sys; sys.stdout.buffer.write(b'hunter2\\xff')", "the output of `exec:` is not UTF-8 text"),
            ("print('hunter2\\0')", "the output of `exec:` holds a NUL character"),
            ("pass", "`exec:` is empty"),
        ],
        ids=["exit-code", "too-much", "not-utf-8", "nul", "empty"],
    )
    def test_a_failure_is_one_line_without_the_secret(
        self, program: str, problem: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        message = wrong(python(program), commands=True)
        assert problem in message
        assert "\n" not in message
        assert "hunter2" not in "".join(capfd.readouterr())

    @pytest.mark.skipif(os.name == "nt", reason="a process group is POSIX")
    def test_it_is_killed_with_its_children_at_the_deadline(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(secret_command, "PATIENCE", 1.0)
        note = tmp_path / "pid"
        program = (
            "import pathlib, subprocess, time\n"
            f"pathlib.Path({str(note)!r}).write_text(str(subprocess.Popen(['sleep', '60']).pid))\n"
            "time.sleep(60)"
        )
        begun = time.monotonic()
        assert " did not end within 1 s" in wrong(python(program), commands=True)
        assert time.monotonic() - begun < 20
        pid = int(note.read_text())
        until(lambda: not runs(pid), within=20)  # a process that was killed ends when it gets the processor

    @pytest.mark.parametrize(
        ("reference", "problem"),
        [
            ("exec:", "is incomplete"),
            ("exec:  ", "is incomplete"),
            ("exec:a 'b", "quotation mark"),
            ("exec:no-such-one", ""),
        ],
        ids=["empty", "blank", "quote", "missing"],
    )
    def test_what_is_no_command(self, reference: str, problem: str) -> None:
        assert problem in wrong(reference, commands=True)

    def test_its_arguments_are_in_no_source(self, tmp_path: Path) -> None:
        assert "token" not in source_of({"password": "exec:vault read token"}, tmp_path)


class TestWhereCommandsAreRead:
    @pytest.fixture
    def own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(config_folders, "SYSTEM", tmp_path / "etc")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        folder = tmp_path / "config" / "scanready"
        folder.mkdir(parents=True, mode=0o755)
        return folder

    def inventory(self, where: Path, password: str) -> Path:
        file = where / "estate.yaml"
        account = f"{{username: er, password: '{password}'}}" if password else "{username: er}"
        file.write_text(f"credentials: {{svc: {account}}}\ntargets: [{{host: h, type: ssh, credential: svc}}]\n")
        return file

    def test_not_from_an_inventory(self, own: Path, tmp_path: Path) -> None:
        ran = tmp_path / "ran"
        with pytest.raises(InventoryError) as caught:
            load(self.inventory(tmp_path, f"exec:touch {ran}"))
        lines = str(caught.value).split("\n")
        assert len(lines) == 1
        assert "estate.yaml:1:" in lines[0]
        assert "`exec:` is refused here: it is read only from credentials.yaml and scanready.toml" in lines[0]
        assert not ran.exists()

    def test_not_by_default(self) -> None:
        assert "is refused here" in wrong("exec:echo hunter2")

    def keep(self, own: Path) -> None:
        file = own / "credentials.yaml"
        file.write_text(f"svc: {{password: {json.dumps(python('print(7)'))}, hosts: ['*']}}\n")
        file.chmod(0o600)

    def test_from_the_file_of_this_user(self, own: Path, tmp_path: Path) -> None:
        self.keep(own)
        found = load(self.inventory(tmp_path, "")).credentials["svc"]
        assert found.password == "7"

    @pytest.mark.skipif(os.name == "nt", reason="the modes of files are those of POSIX")
    def test_not_from_a_folder_that_others_can_write(self, own: Path, tmp_path: Path) -> None:
        self.keep(own)
        own.chmod(0o777)
        with pytest.raises(InventoryError) as caught:
            load(self.inventory(tmp_path, ""))
        assert "credentials.yaml:1:" in str(caught.value)
        assert "`exec:` is refused: other users can write its folder (mode 0777): chmod go-w" in str(caught.value)

    def test_windows_lets_everybody_make_the_folder_of_the_system(
        self, own: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.keep(own)
        monkeypatch.setattr("scanready.inventory.local_accounts.is_protected", lambda _: False)
        assert "%APPDATA%" in local_accounts().by_name["svc"].no_commands


class _Refused(Exception):
    """An error of AWS as boto3 raises it; its text may be the secret."""

    def __init__(self, code: str) -> None:
        super().__init__("hunter2")
        self.response = {"Error": {"Code": code}}


class _NoRegion(Exception):
    pass


_NoRegion.__name__ = "NoRegionError"


class TestAnswersOfAws:
    """The same as with moto, without boto3: what each answer of the library becomes."""

    @pytest.fixture
    def answers(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], list[str | None]]:
        asked: list[str | None] = []
        answer: list[object] = []

        def get(**_: str) -> object:
            if isinstance(answer[0], Exception):
                raise answer[0]
            return answer[0]

        def client(_: str, region_name: str | None, config: object) -> SimpleNamespace:
            asked.append(region_name)
            return SimpleNamespace(get_secret_value=get)

        session = SimpleNamespace(Session=lambda: SimpleNamespace(client=client))
        monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(session=session))
        monkeypatch.setitem(sys.modules, "botocore.config", SimpleNamespace(Config=lambda **given: given))
        monkeypatch.setitem(
            sys.modules, "botocore.exceptions", SimpleNamespace(ClientError=_Refused, BotoCoreError=_NoRegion)
        )

        def use(one: object) -> list[str | None]:
            answer[:] = [one]
            return asked

        return use

    def test_the_region_of_an_arn(self, answers: Callable[[object], list[str | None]]) -> None:
        asked = answers({"SecretString": '{"password": "s3cret"}'})
        assert resolve_secret("aws-sm:arn:aws:secretsmanager:eu-north-1:1:secret:db-x#password") == "s3cret"
        assert resolve_secret("aws-sm:db#password") == "s3cret"
        assert asked == ["eu-north-1", None]

    def test_bytes(self, answers: Callable[[object], list[str | None]]) -> None:
        answers({"SecretBinary": "Pässw0rd".encode()})
        assert resolve_secret("aws-sm:db") == "Pässw0rd"

    def test_an_error_shows_its_code_only(self, answers: Callable[[object], list[str | None]]) -> None:
        answers(_Refused("AccessDeniedException"))
        assert wrong("aws-sm:db") == "AWS Secrets Manager refused the secret `db`: AccessDeniedException"
        answers(_Refused("hunter2: it is"))
        assert wrong("aws-sm:db") == "AWS Secrets Manager refused the secret `db`: _Refused"
        answers(_NoRegion("hunter2"))
        assert wrong("aws-sm:db").endswith("NoRegionError: set AWS_REGION, or write the secret's ARN")
        answers(RuntimeError("hunter2"))
        assert wrong("aws-sm:db") == "AWS Secrets Manager did not answer: RuntimeError"
        answers({})
        assert wrong("aws-sm:db") == "AWS Secrets Manager returned something that is not text"


class TestAws:
    @pytest.fixture
    def server(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
        """AWS Secrets Manager as moto imitates it, on this host."""
        import boto3
        from moto.server import ThreadedMotoServer

        running = ThreadedMotoServer("127.0.0.1", 0)
        running.start()
        host, port = running.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", b"", timeout=20).close()
        try:
            client = boto3.session.Session().client("secretsmanager", region_name="eu-west-1")
            made = client.create_secret(Name="prod/db", SecretString='{"password": "s3cret", "port": 5432}')
            client.create_secret(Name="plain", SecretString="s3cret text")
            client.create_secret(Name="bytes", SecretBinary=b"\xff\xfe\x00hunter2\xff")
            yield SimpleNamespace(arn=made["ARN"])
        finally:
            running.stop()

    def test_a_field_and_a_text(self, server: SimpleNamespace) -> None:
        assert resolve_secret("aws-sm:prod/db#password") == "s3cret"
        assert resolve_secret(f"aws-sm:{server.arn}#password") == "s3cret"
        assert resolve_secret("aws-sm:plain") == "s3cret text"

    def test_each_problem_is_one_line(self, server: SimpleNamespace) -> None:
        of = "AWS Secrets Manager"
        assert wrong("aws-sm:prod/db#user") == f"{of}: the secret `prod/db` has no text in the field `user`"
        assert wrong("aws-sm:prod/db#port") == f"{of}: the secret `prod/db` has no text in the field `port`"
        assert wrong("aws-sm:plain#x").startswith(f"{of}: the secret `plain` is no JSON object")
        assert wrong("aws-sm:none#x") == f"{of} refused the secret `none`: ResourceNotFoundException"
        assert wrong("aws-sm:bytes") == f"{of}: the secret `bytes` is not UTF-8 text"

    @pytest.mark.usefixtures("server")
    def test_without_a_region_or_an_account(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        assert wrong("aws-sm:plain").endswith("NoCredentialsError: give this host a role, or set AWS_PROFILE")
        monkeypatch.delenv("AWS_REGION")
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        assert wrong("aws-sm:plain").endswith("NoRegionError: set AWS_REGION, or write the secret's ARN")

    def test_without_the_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "boto3", None)
        assert "pip install 'scanready[aws]'" in wrong("aws-sm:plain")

    @pytest.mark.parametrize("reference", ["aws-sm:#x", "aws-sm:id#"])
    def test_an_incomplete_reference(self, reference: str) -> None:
        assert "write aws-sm:ID#FIELD" in wrong(reference)
