"""Inventory files that are wrong: the place and the words of each problem, all at once, and no secret in them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanready.inventory import Inventory, InventoryError, entries, load

Problems = Callable[[str | bytes], list[str]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"targets:\n- ssh://w\xe4b1\n", "inv.yaml:2:10: not UTF-8 (byte 0xe4): save it as UTF-8"),
        ("targets: []".encode("utf-16"), "inv.yaml:1:1: the file is UTF-16: save it as UTF-8"),
        (b"", "inv.yaml: the inventory is empty: write its `targets`"),
        (b"# nothing\n", "inv.yaml: the inventory is empty: write its `targets`"),
        (b"- ssh://web1\n", "inv.yaml:1:1: an inventory must be a mapping with the key `targets`"),
        (b"targets:\n  - a\n - b\n", "inv.yaml:3:2: not YAML: while parsing a block mapping, expected <block end>"),
        (b"targets: [a, b\n", "inv.yaml:1:10: this `[` is not closed: add `]`, or a comma between two values"),
        (b'targets: ["a]\n', "inv.yaml:1:11: this quote is not closed: add the same quote at the end of the text"),
        (b"targets:\n  - {host: a, type: ssh\n  - {host: b}\n", "inv.yaml:2:5: this `{` is not closed: add `}`"),
        (b"targets:\n  - host: a\n    tags: [x,\n    type: ssh\n", "inv.yaml:3:11: this `[` is not closed"),
        (b"targets:\n  - {host: a type: ssh}\n", "inv.yaml:2:18: not YAML: while parsing a flow mapping, expected"),
        (b"targets:\n  - host: a\n \t  type: ssh\n", "inv.yaml:3:2: this line is indented with a tab: use spaces"),
        (b"targets: []\nx: a\x07b\n", "inv.yaml:2:5: not YAML: the control character U+0007"),
        (b"\ttargets: []\n", "inv.yaml:1:1: this line is indented with a tab: use spaces"),
        (b'targets: ["\\UFFFFFFFF"]\n', "inv.yaml:1:10: not YAML after this place (OverflowError)"),
        (
            b'targets: [{host: a, type: ssh, tags: ["a\\u001bb"]}]\n',
            "inv.yaml:1:39: this text contains a line end or control character",
        ),
        (b"%YAML 1.1\n---\ntargets: []\n", "inv.yaml:2:1: this file must be YAML 1.2"),
        (b"targets: []\n---\ntargets: []\n", "inv.yaml:2:1: a second YAML document begins here"),
        (b"targets: []\ntargets: []\n", "inv.yaml:2:1: this key is repeated, first in line 1"),
        (b"targets: []\n[a]: 1\n", "inv.yaml:2:1: a key must be text"),
        (b"targets: [!!python/name:os.system x]\n", "inv.yaml:1:11: a tag (`!\u2026`) is not allowed"),
        (b"targets: [*x]\n", "inv.yaml:1:11: this alias (`*\u2026`) has no anchor"),
        (b"targets: &x [*x]\n", "inv.yaml:1:14: this alias refers to a value that contains the alias"),
        (b"targets:\n- {host: a, types: &x [ssh], <<: *x}\n", "inv.yaml:2:30: `<<` (merge) is not part of YAML 1.2"),
        (b"targets: " + b"[" * 100_000, "inv.yaml:1:41: this is nested deeper than 32 levels"),
        (b"agent: {}\n", "inv.yaml:1:1: `targets` is missing"),
        (b"targets:\n", "inv.yaml:1:1: `targets` is empty"),
        (b"targets: ssh://web1\n", "inv.yaml:1:10: `targets` must be a list"),
        (b"targets: []\ncredentials: [a]\n", "inv.yaml:2:14: `credentials` must be a mapping"),
        (b"targets: []\ntarget: []\n", "inv.yaml:2:1: unknown key `target`; did you mean `targets`?"),
        (
            b"targets: []\nfoo: []\n",
            "inv.yaml:2:1: unknown key `foo` (the keys are: agent, agents, defaults, guard, credentials, targets)",
        ),
        (b"targets: []\nagent: {nme: x}\n", "inv.yaml:2:9: unknown key `nme`; did you mean `name`?"),
        (b"targets: []\nagent: {name: 7}\n", "inv.yaml:2:15: `name` must be text: write it in quotes"),
        (b"targets: []\nagent: {name: }\n", "inv.yaml:2:14: `name` is empty"),
        (b"targets: []\nagent: {master: a b}\n", "inv.yaml:2:17: `a b` is not a host name"),
        (
            b"targets: []\nagent: {master: 'm1.corp:11117'}\n",
            "inv.yaml:2:17: `m1.corp:11117` has a port; write only the host",
        ),
        (b"targets: []\ndefaults: {timeout: ten}\n", "inv.yaml:2:21: `timeout` must be a number"),
        (b"targets: []\ndefaults: {timeout: 0}\n", "inv.yaml:2:21: `timeout` is out of range: more than 0 and at most"),
        (b"targets: []\ndefaults: {timeout: .inf}\n", "inv.yaml:2:21: `timeout` is out of range"),
        (b"targets: []\ndefaults: {depth: acces}\n", "handshake, auth, login, access; did you mean `access`?"),
        (b"targets: []\ndefaults: {types: [shs]}\n", "inv.yaml:2:20: unknown target type `shs`; did you mean `ssh`?"),
        (b"targets: []\ndefaults: {types: []}\n", "inv.yaml:2:19: `types` is empty"),
        (b"targets: []\ndefaults: {ca_file: nope}\n", "inv.yaml:2:21: `nope` cannot be read: No such file"),
        (b"targets: []\ncredentials: {c: x}\n", "inv.yaml:2:18: this must be a mapping"),
        (b"targets: []\ncredentials: {c: {password: env:X}}\n", "inv.yaml:2:18: `username` is missing"),
        (
            b"targets: []\ncredentials: {c: {username: a, pasword: x}}\n",
            "inv.yaml:2:32: unknown key; did you mean `password`?",
        ),
        (
            b"targets: []\ncredentials: {c: {username: a, password: }}\n",
            "inv.yaml:2:41: the reference to the secret is empty",
        ),
        (
            b"targets: []\ncredentials: {c: {username: a, key_passphrase: env:X}}\n",
            "inv.yaml:2:32: `key_passphrase` needs `key_file`",
        ),
        (b"targets: [22]\n", "inv.yaml:1:11: a target must be text or a mapping; write HOST"),
        (b"targets: [~]\n", "inv.yaml:1:11: a target must be text or a mapping"),
        (b"targets: ['']\n", "inv.yaml:1:11: the host is empty"),
        (b"targets:\n- ssh://web1\n- postgrsql://db7\n", "inv.yaml:3:3: unknown target type `postgrsql`; did you mean"),
        (b"targets:\n- ssh://web1:70000\n", "inv.yaml:2:3: the port `70000` is out of range: 1 to 65535"),
        (b"targets:\n- {type: ssh}\n", "inv.yaml:2:3: a target must have either `host` or `hosts`"),
        (
            b"targets:\n- {host: a, hosts: [b], type: ssh}\n",
            "inv.yaml:2:3: a target must have either `host` or `hosts`",
        ),
        (
            b"targets:\n- {host: a, type: ssh, types: [nfs]}\n",
            "inv.yaml:2:3: a target must have either `type` or `types`",
        ),
        (b"targets:\n- {host: a, type: shs}\n", "inv.yaml:2:19: unknown target type `shs`; did you mean `ssh`?"),
        (b"targets:\n- {host: a, type: [ssh]}\n", "inv.yaml:2:19: `type` must be text"),
        (b"targets:\n- {hosts: [10.0.0.1-5], type: ssh}\n", "inv.yaml:2:12: `10.0.0.1-5` is a range of addresses"),
        (b"targets:\n- {host: a, types: ssh}\n", "inv.yaml:2:20: `types` must be a list"),
        (b"targets:\n- {host: a, types: []}\n", "inv.yaml:2:20: `types` is empty"),
        (b"targets:\n- {host: a, types: [1]}\n", "inv.yaml:2:21: an item of `types` must be text: write it in quotes"),
        (b"targets:\n- {host: 10, type: ssh}\n", "inv.yaml:2:10: `host` must be text: write it in quotes"),
        (
            b"targets:\n- {host: ssh://a, type: ssh}\n",
            "inv.yaml:2:10: `ssh://a` is not a host: write a name or an IP address",
        ),
        (
            b"targets:\n- {host: 'a:22', type: ssh}\n",
            "inv.yaml:2:10: `a:22` has a port; write only the host",
        ),
        (b"targets:\n- {host: 10.0.0.0/28, type: ssh}\n", "inv.yaml:2:10: write a network in `hosts: [...]`"),
        (b"targets:\n- {hosts: [], type: ssh}\n", "inv.yaml:2:11: `hosts` is empty"),
        (b"targets:\n- {hosts: [10.0.0.0/33], type: ssh}\n", "inv.yaml:2:12: `10.0.0.0/33` is not a network"),
        (
            b"targets:\n- {hosts: [10.0.0.5/28], type: ssh}\n",
            "inv.yaml:2:12: `10.0.0.5/28` has host bits set; did you mean",
        ),
        (
            b"targets:\n- {hosts: [10.0.0.0/15], type: ssh}\n",
            "131,072 addresses, more than a /16; use --yes to confirm",
        ),
        (b"targets:\n- {hosts: ['2001:db8::/111'], type: ssh}\n", "131,072 addresses, more than a /112"),
        (
            b"targets:\n- {hosts: [10.0.0.0/16], types: [any]}\n",
            "inv.yaml:2:12: more than 1,048,576 targets: name the types, or split",
        ),
        (b"targets:\n- {host: a, type: ssh, port: 65536}\n", "inv.yaml:2:30: `port` is out of range: 1 to 65535"),
        (b"targets:\n- {host: a, type: ssh, port: 0}\n", "inv.yaml:2:30: `port` is out of range: 1 to 65535"),
        (b"targets:\n- {host: a, type: ssh, port: '22'}\n", "inv.yaml:2:30: `port` must be a whole number"),
        (b"targets:\n- {host: a, type: ssh, port: true}\n", "inv.yaml:2:30: `port` must be a whole number"),
        (b"targets:\n- {host: a, type: ssh, port: }\n", "inv.yaml:2:29: `port` is empty"),
        (b"targets:\n- {host: a, type: ssh, tags: finance}\n", "inv.yaml:2:30: `tags` must be a list"),
        (b"targets:\n- {host: a, type: ssh, credential: c}\n", "inv.yaml:2:36: unknown credential `c`"),
        (
            b"targets:\n- {host: a, type: http, proxy: 'p:1', proxy_credential: c}\n",
            "inv.yaml:2:39: unknown key `proxy_credential`",
        ),
        (
            b"targets:\n- {host: a, type: nfs, exprt: /x}\n",
            "inv.yaml:2:24: unknown key `exprt`; did you mean `export`?",
        ),
        (
            b"targets:\n- {host: a, type: nfs, share: x}\n",
            "inv.yaml:2:24: `share` is not an option of nfs (it has: export, gid, mountd_port, nfs_",
        ),
        (
            b"targets:\n- {host: a, type: nfs, export: home}\n",
            "inv.yaml:2:32: `export` must begin with `/`, as in `/home`, not",
        ),
        (b"targets:\n- {host: a, type: nfs, nfs_version: 4.1}\n", "inv.yaml:2:37: `nfs_version` is 2, 3 or 4"),
        (b"targets:\n- {host: a, type: smb, share: [x]}\n", "inv.yaml:2:31: `share` must be text"),
        (b"targets:\n- {host: a, type: smb, share: }\n", "inv.yaml:2:30: `share` is empty"),
        (
            b"targets:\n- {host: a, type: sybase, allow_login_probe: 2}\n",
            "inv.yaml:2:46: `allow_login_probe` must be true or false",
        ),
        (
            b"targets:\n- {hosts: [a, b], type: oracle, sid: x, service: y}\n",
            "inv.yaml:2:3: `service` and `sid` cannot be combined",
        ),
        (
            b"targets:\n- ssh://a\n- {host: A, type: ssh}\n",
            "inv.yaml:3:10: `ssh://a:22` is listed twice, first in line 2",
        ),
        (b"targets:\n- a\n- ssh://a\n", "inv.yaml:3:3: `ssh://a:22` is listed twice, first in line 2"),
        (
            b"credentials:\n  c: {username: 'CORP\\svc'}\n  d: {username: other}\n"
            b"targets:\n- {host: h, type: mysql, credential: d}\n- {host: h, type: mysql, credential: c}\n",
            "inv.yaml:6:10: `mysql://CORP%5Csvc@h:3306` is listed twice, first in line 5 as `mysql://other@h:3306`; "
            "a target has one account",
        ),
        (b"targets:\n- {host: a, types: [ssh, ssh]}\n", "inv.yaml:2:10: `ssh://a:22` is listed twice, first in line 2"),
        (
            b"targets:\n- {hosts: [10.0.0.0/28, 10.0.0.8/29], type: ssh}\n",
            "inv.yaml:2:25: `ssh://10.0.0.9:22` is listed twice",
        ),
        (
            b"credentials: {a: {username: er}}\ntargets:\n- {host: h, type: ssh, credential: [a, a]}\n",
            "inv.yaml:3:40: the credential `a` is named twice",
        ),
        (
            b"credentials: {a: {username: er}, b: {username: ER}}\n"
            b"targets:\n- {host: h, type: ssh, credential: [a, b]}\n",
            "inv.yaml:3:40: `a` and `b` are both the user `ER`: a second wrong password may lock the account",
        ),
        (
            b"credentials: {a: {username: C\\\\er, authority: c}, b: {username: er@c.d, authority: C}}\n"
            b"targets:\n- {host: h, type: ssh, credential: [a, b]}\n",
            "inv.yaml:3:40: `a` and `b` are both the user `er@c.d`",
        ),
        (
            b"credentials: {a: {username: er, authority: c}, b: {username: er}}\n"
            b"targets:\n- {host: h, type: ssh, credential: [a, b]}\n",
            "inv.yaml:3:40: `a` and `b` are both the user `er`",
        ),
        (
            b"credentials: {" + b", ".join(b"c%d: {username: u%d}" % (n, n) for n in range(9)) + b"}\n"
            b"targets:\n- {host: h, type: ssh, credential: [c0, c1, c2, c3, c4, c5, c6, c7, c8]}\n",
            "inv.yaml:3:69: a target has at most 8 credentials",
        ),
        (b"targets:\n- {host: h, type: ssh, credential: []}\n", "inv.yaml:2:36: `credential` is empty"),
        (b"targets:\n- {host: h, type: ssh, credential: [1]}\n", "inv.yaml:2:37: an item of `credential` must be text"),
        (
            b"targets:\n- nfs://a/x?version=3\n- {host: a, type: nfs, export: /x, nfs_version: 3}\n",
            "inv.yaml:3:10: `nfs://a:2049/x?nfs_version=3` is",
        ),
    ],
)
def test_one_problem(problems: Problems, content: bytes, expected: str) -> None:
    (message,) = problems(content)
    assert expected in message
    assert message.startswith("inv.yaml:")


def test_two_users_of_two_authorities_are_two_accounts(tmp_path: Path) -> None:
    file = tmp_path / "inv.yaml"
    file.write_text(
        "credentials: {a: {username: er, authority: one}, b: {username: er, authority: two}, c: {username: er2}}\n"
        "targets: [{host: h, type: ssh, credential: [a, b, c]}, {host: h, type: any, port: 23, credential: [c, a]}]\n"
    )
    first, any_ = load(file, credentials=()).targets
    assert [one.name for one in first.credentials] == ["a", "b", "c"]
    assert [one.name for one in any_.tries[0].credentials] == ["c", "a"]


def test_what_differs_in_port_or_options_is_no_duplicate(tmp_path: Path) -> None:
    file = tmp_path / "inv.yaml"
    file.write_text("targets: [ssh://a, 'ssh://a:2222', ssh://a/x, ssh://a/y]\n")
    assert len(load(file).targets) == 4


def test_bombs_end_at_the_alias_that_is_too_much(problems: Problems) -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"] + [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (message,) = problems("\n".join(lines))
    assert message == "inv.yaml:6:10: the aliases expand to more than 100,000 values"


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    file = tmp_path / "big.yaml"
    with open(file, "wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(InventoryError, match=r"larger than 128 MiB: split the inventory"):
        load(file)


def test_a_large_file_that_is_not_plain(tmp_path: Path) -> None:
    """The parser of YAML is too slow for it, and the line that needs it is named."""
    file = tmp_path / "big.yaml"
    lines = [f"- ssh://host-{number:07}.example.org" for number in range(260_000)]
    file.write_text("\n".join(["targets:", *lines, ""]))
    assert len(load(file).targets) == 260_000
    lines[200_000] = "- 'ssh://quoted'"
    lines[100_000] = "- shh://wrong"
    file.write_text("\n".join(["targets:", *lines, ""]))
    with pytest.raises(InventoryError) as caught:
        load(file)
    wrong, quoted = caught.value.problems
    assert (wrong.line, quoted.line) == (100_002, 200_002)
    assert "did you mean `ssh`?" in wrong.text
    assert "larger than 8 MiB" in quoted.text


def test_more_lines_than_targets_are_refused_once(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MOST_TARGETS", 3)
    (message,) = problems("targets: [ssh://a, ssh://b, ssh://c, ssh://d, ssh://e, nonsense://f]")
    assert message.startswith("inv.yaml:1:38: more than 3 targets: ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path, text in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "is a directory: name a file"),
        ("a\0b", "not a file"),
    ):
        with pytest.raises(InventoryError, match=text) as caught:
            load(path)
        (problem,) = caught.value.problems
        assert (problem.file, problem.line) == (str(path), None)


def test_secrets_that_lead_nowhere(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    text = """
        credentials:
          a: {username: er, password: env:NOT_SET}
          b: {username: er, password: file:nowhere}
          c: {username: er, key_file: nowhere}
          d: {username: er, password: 'prompt:'}
          e: {username: er, password: env:NOT_SET}
        targets:
          - {host: h, type: ssh, credential: %s}
        """
    assert problems(text % "a") == ["inv.yaml:2:31: the environment variable `NOT_SET` is not set"]
    assert problems(text % "b") == ["inv.yaml:3:31: `nowhere` cannot be read: No such file or directory"]
    assert problems(text % "c") == ["inv.yaml:4:31: `nowhere` cannot be read: No such file or directory"]
    assert problems(text % "d") == [
        "inv.yaml:5:31: `prompt:` needs a terminal, and there is none: use env:NAME or file:PATH"
    ]


def test_an_inline_password_is_told_once_however_often_it_is_used(problems: Problems) -> None:
    (message,) = problems("""
        credentials: {c: {username: er, password: hunter2}}
        targets: [{hosts: [a, b], type: ssh, credential: c}]
        """)
    assert message.startswith("inv.yaml:1:43: an inline password is refused")


INLINE = [
    "{username: er, password: hunter2}",
    "{username: er, password: 'hun:hunter2'}",
    "{username: er, password: [hunter2]}",
    "{username: er, password: {hunter2: hunter2}}",
    "{username: er, password:hunter2}",
    "{username: er, password hunter2: }",
    "{username: er, hunter2}",
    "{username: er, hunter2: 1, hunter2: 2}",
    "{username: er, passwd: hunter2}",
    "{username: er, password: !hunter2 x}",
    "{username: er, password: !e!hunter2 x}",
    "{username: er, password: *hunter2}",
    "{username: er, password: &hunter2 }",
    '{username: er, password: "hunter2\\x07"}',
    '{username: er, password: "hunter2" hunter2}',
    "{username: er, password: %hunter2}",
    "{username: er, password: @hunter2}",
    "{username: er, password: `hunter2`}",
    "{username: er, password: ? hunter2}",
    "{username: er, key_file: /k, key_passphrase: hunter2}",
    "er:hunter2",
    "hunter2",
]


@pytest.mark.parametrize("credential", INLINE)
def test_an_inline_password_is_refused_and_not_repeated(tmp_path: Path, credential: str) -> None:
    refused_without_repeating(tmp_path, f"credentials:\n  c: {credential}\ntargets: []\n")


@pytest.mark.parametrize(
    "target",
    [
        "postgresql://svc:hunter2@db7/hr",
        "{host: a, type: ssh, password: hunter2}",
        "{host: a, type: ssh, password:hunter2}",
        "{host: a, type: ssh, credential: 'er:hunter2'}",
        "{host: a, type: ssh, credential: {username: er, password: hunter2}}",
        "{host: a, type: http, proxy: 'http://er:hunter2@proxy:3128'}",
        "{host: 'er:hunter2@a', type: ssh}",
        "{hosts: ['er:hunter2@a'], type: ssh}",
        "{hosts: ['er:hunter2@10.0.0.0/28'], type: ssh}",
        "{host: 'https://er:hunter2@a', type: ssh}",
    ],
)
def test_nor_is_one_in_a_target(tmp_path: Path, target: str) -> None:
    refused_without_repeating(tmp_path, f"targets:\n- {target}\n")


def refused_without_repeating(tmp_path: Path, text: str) -> None:
    file = tmp_path / "inv.yaml"
    file.write_text(text)
    with pytest.raises(InventoryError) as caught:
        load(file)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value)
    assert "hunter2" not in told
    assert caught.value.problems[0].line is not None


def test_everything_wrong_is_told_at_once_in_the_file_s_order(problems: Problems) -> None:
    found = problems("""
        agent: {nme: x}
        defaults: {timeout: -1, depth: acces}
        credentials:
          a: {username: er, password: hunter2}
          b: {username: er, password:hunter2}
          c: {username: er, password: env:NOT_SET_ANYWHERE}
        targets:
          - postgrsql://db7/hr
          - {host: fs01, types: [smb, windws], port: 70000, credential: ad-scan, password: hunter2}
          - {hosts: [web1, 10.0.0.0/8, 10.0.0.1/24], type: unix, credential: c}
          - {host: nas, type: nfs, exprt: home, nfs_version: 9, share: x}
          - db7:abc
          - {host: web1, type: unix}
        """)
    places = [message.split(": ")[0].removeprefix("inv.yaml:") for message in found]
    assert places == [
        "1:9",
        "2:21",
        "2:32",
        "4:31",
        "5:21",
        "6:31",
        "8:5",
        "9:31",
        "9:46",
        "9:65",
        "9:74",
        "10:20",
        "10:32",
        "11:28",
        "11:54",
        "11:57",
        "12:5",
        "13:12",
    ]
    assert "hunter2" not in "".join(found)


FRAGMENTS = st.sampled_from(
    [
        "targets",
        "credentials",
        "agent",
        "defaults",
        "host",
        "hosts",
        "types",
        "type",
        "port",
        "ssh",
        "a",
        "10.0.0.0/30",
        "22",
        "username",
        "password",
        "env:X",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "\n",
        "\n  ",
        "&x ",
        "*x",
        "!t ",
        "'",
        '"',
        "|",
        ">",
        "? ",
        "# ",
        "~",
        "1e999",
        "0x1F",
        ".nan",
        "\t",
        "%",
        "---\n",
        "...\n",
        "\\",
        "\u2028",
        "<<",
    ]
)


@given(st.lists(FRAGMENTS, max_size=40).map("".join).map(str.encode) | st.binary(max_size=80))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=300, deadline=None
)
def test_nothing_but_our_error_escapes(tmp_path: Path, content: bytes) -> None:
    outcome = attempt(tmp_path / "fuzz.yaml", content, load)
    assert isinstance(outcome, Inventory) or outcome.problems


def attempt(file: Path, content: bytes, read: Callable[[Path], Inventory]) -> Inventory | InventoryError:
    file.write_bytes(content)
    try:
        return read(file)
    except InventoryError as error:
        return error


@pytest.mark.parametrize("content", [b"7", b"1e999", b"&x 1e999", b"true", b"2026-01-01", b'"text"', b"[[]]"])
def test_a_file_that_is_no_mapping_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "inv.yaml"
    path.write_bytes(content)
    with pytest.raises(InventoryError) as told:
        load(path)
    (problem,) = told.value.problems
    assert "\n" not in str(problem)
