"""Check the language of docstrings, comments, messages and Markdown: new text strictly, old text only by count.

The rules are data (``script/style-words.toml``); spelling is codespell's. Old offences stand in a ledger,
``script/style-known.txt``: one hash of rule and sentence a line. An offence of the ledger is counted, any other fails.
So the check needs no history, and a shallow clone will do. The hash has neither path nor line, and white space is
normalised: a file that moves or is wrapped anew stays known, whereas a changed sentence has to be right. With the path
in the hash, the author of a move would have to rewrite the file in the same commit, and hide the move from reviewers.

    script/style                  fail on offences that the ledger does not have
    script/style --report         list all, old ones too, and count them by rule
    script/style --prune          drop from the ledger what no longer occurs
    script/style --accept         write the ledger anew from the text as it is
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from style_prose import Sentence, files, sentences

PROSE = ("docstring", "comment", "message", "markdown", "heading", "cell")
#: A definition, loop variable, assignment, keyword argument, field or parameter of this name; uses are not reported.
BINDING = (
    r"\b(?:def|class|as|for|import)\s+(?:\w+,\s*)*{name}\b"
    r"|\b{name}\s*(?::[^=,()\n]+)?(?:=(?!=)|,\s*\w+\s*=(?!=))"
    r"|(?<!\bin )\b{name}:\s"
)
#: Names of constants and functions of other projects are spelt as they are.
CAPITALS = r"\b\w*[A-Z]{2,}\w*\b"
LEDGER_HEADER = "# Old text that script/style counts and does not report. Written by script/style --accept.\n"


@dataclass(frozen=True, slots=True)
class Rule:
    """A word or construction to avoid, with the reason and a suggestion."""

    id: str
    pattern: re.Pattern[str]
    reason: str
    instead: str
    kinds: tuple[str, ...]
    #: One of these is in each offending text: looked for first, as that is much faster than the pattern.
    hints: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Offence:
    """A place where a rule applies."""

    sentence: Sentence
    line: int
    rule: str
    words: str
    advice: str

    @property
    def key(self) -> str:
        """Identify the offence by its rule and sentence, wherever the sentence stands."""
        text = " ".join(self.sentence.text.split())
        return f"{hashlib.sha256(f'{self.rule} {text}'.encode()).hexdigest()[:16]} {self.rule}"

    def __str__(self) -> str:
        return f'{self.sentence.path}:{self.line}: [{self.rule}] "{self.words}": {self.advice}'


def read_rules(config: dict[str, Any]) -> list[Rule]:
    """Build the rules for prose and for identifiers."""
    rules = [
        Rule(
            entry["id"],
            re.compile(entry["pattern"], re.IGNORECASE),
            entry["reason"],
            entry["instead"],
            tuple(entry.get("kinds", PROSE)),
        )
        for entry in config.get("rule", ())
    ]
    for entry in config.get("identifiers", ()):
        name = rf"(?:{'|'.join(entry['words'])})"
        pattern = re.compile(BINDING.format(name=name))
        rules.append(Rule(entry["id"], pattern, entry["reason"], entry["instead"], ("code",), tuple(entry["words"])))
    return rules


def find_offences(text: Iterable[Sentence], rules: Sequence[Rule]) -> Iterator[Offence]:
    """Search each sentence for each rule that applies to its kind."""
    by_kind = {kind: [rule for rule in rules if kind in rule.kinds] for kind in (*PROSE, "code")}
    for sentence in text:
        for rule in by_kind[sentence.kind]:
            if any(hint in sentence.masked for hint in rule.hints) and (match := rule.pattern.search(sentence.masked)):
                words = sentence.text[match.start() : match.end()].strip()[:40]
                line = sentence.line_of(match.start())
                yield Offence(sentence, line, rule.id, words, f"{rule.reason}; instead: {rule.instead}")


class Spelling:
    """codespell in a process of its own, which works while the rules are searched."""

    def __init__(self, text: Sequence[Sentence], ignore: Sequence[str]) -> None:
        self._text = text
        command = [sys.executable, "-m", "codespell_lib", "--ignore-regex", CAPITALS, "-"]
        if ignore:
            command += ["--ignore-words-list", ",".join(ignore)]
        with tempfile.TemporaryFile("w+", encoding="utf-8") as lines:
            lines.writelines(sentence.masked.replace("\n", " ") + "\n" for sentence in text)
            lines.seek(0)
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=lines, stdout=pipe, stderr=pipe, text=True)

    def offences(self) -> Iterator[Offence]:
        """Wait for codespell and translate its lines.

        Raises:
            SystemExit: codespell is missing or does not work.
        """
        output, errors = self._process.communicate(timeout=120)
        if self._process.returncode not in (0, 65):
            raise SystemExit(f"codespell does not run; script/check installs it:\n{errors.strip()[-400:]}")
        for found in re.finditer(r"^(\d+): .*\n\t?(.+?) ==> (.+)$", output, re.MULTILINE):
            sentence = self._text[int(found[1]) - 1]
            word = found[2].strip()
            line = sentence.line_of(sentence.masked.find(word))
            yield Offence(sentence, line, "spelling", word, f"spelt {found[3].strip()}")


def read_ledger(path: Path) -> set[str]:
    """Return the keys of known offences; none if there is no ledger."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {line for line in lines if line and not line.startswith("#")}


def write_ledger(path: Path, keys: Iterable[str]) -> None:
    """Write the ledger, sorted, so that two branches seldom touch the same lines."""
    path.write_text(LEDGER_HEADER + "".join(f"{key}\n" for key in sorted(keys)), encoding="utf-8")


def check(root: Path, config: dict[str, Any]) -> list[Offence]:
    """Return every offence in the project's prose, in the order of files and lines."""
    skip = set(config.get("files", {}).get("skip", ()))
    paths = [path for path in files(root) if path.relative_to(root).as_posix() not in skip]
    text = [sentence for path in paths for sentence in sentences(root, path)]
    prose = [sentence for sentence in text if sentence.kind in PROSE]
    spelling = Spelling(prose, config.get("codespell", {}).get("ignore", ()))
    found = [*find_offences(text, read_rules(config)), *spelling.offences()]
    return sorted(found, key=lambda offence: (offence.sentence.path, offence.line))


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the project that holds this script, or the one of ``--root``."""
    parser = argparse.ArgumentParser(prog="script/style", description="Check the language of new and moved text.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--report", action="store_true", help="list old offences too, with counts")
    mode.add_argument("--prune", action="store_true", help="drop from the ledger what no longer occurs")
    mode.add_argument("--accept", action="store_true", help="write the ledger anew from the text as it is")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    root = options.root
    config = tomllib.loads((root / "script" / "style-words.toml").read_text(encoding="utf-8"))
    ledger_file = root / "script" / "style-known.txt"
    ledger = read_ledger(ledger_file)
    found = check(root, config)
    present = {offence.key for offence in found}
    if options.accept or options.prune:
        kept = present if options.accept else present & ledger
        write_ledger(ledger_file, kept)
        print(f"{ledger_file.name}: {len(kept)} known, {len(ledger - kept)} dropped, {len(kept - ledger)} added")
        return 0
    new = [offence for offence in found if offence.key not in ledger]
    return _report(found, new, len(ledger - present), everything=options.report)


def _report(found: list[Offence], new: list[Offence], gone: int, *, everything: bool) -> int:
    """Print what was found; return the exit code."""
    for offence in found if everything else new:
        print(offence)
    if everything:
        for rule, count in Counter(offence.rule for offence in found).most_common():
            print(f"{count:6} {rule}")
    print(f"style: {len(new)} offences in new text, {len(found) - len(new)} known in old text", end="")
    print(f"; {gone} known ones are gone (script/style --prune)" if gone else "")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
