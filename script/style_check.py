"""Check the language of docstrings, comments, messages and Markdown.

The rules are data (``script/style-words.toml``); spelling is codespell's.
"""

from __future__ import annotations

import argparse
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
    parser = argparse.ArgumentParser(
        prog="script/style", description="Check the language of docstrings, comments, messages and Markdown."
    )
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help=argparse.SUPPRESS)
    root = parser.parse_args(arguments).root
    config = tomllib.loads((root / "script" / "style-words.toml").read_text(encoding="utf-8"))
    found = check(root, config)
    for offence in found:
        print(offence)
    for rule, count in Counter(offence.rule for offence in found).most_common():
        print(f"{count:6} {rule}")
    print(f"style: {len(found)} offence{'' if len(found) == 1 else 's'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
