"""Find the prose of the project: docstrings, comments, messages and Markdown text, in sentences with line numbers.

One regular expression finds strings and comments, because ``tokenize`` needs several seconds for the whole project.
A test compares both.
"""

from __future__ import annotations

import bisect
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: A comment or a string of Python; the prefix of a string stays in the code before it.
TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<quote>\"{3}|'{3})(?:\\.|(?!(?P=quote)).)*(?P=quote)
    |"(?:\\.|[^"\\\n])*"
    |'(?:\\.|[^'\\\n])*'""",
    re.VERBOSE | re.DOTALL,
)
PRAGMA = re.compile(r"#!|#\s*(?:noqa|type:|fmt:|pragma|mypy:|ruff:|shellcheck)[^#]*")
#: A string of fewer words is a key, a name or a format.
LEAST_WORDS = 4
#: Folders whose strings are text for users; in other folders, strings are data of tests.
MESSAGES = ("verifiers/", "cli.py")
#: A placeholder of an f-string or a template.
FIELD = re.compile(r"\{[^{}]*\}")
CODE_SPAN = re.compile(r"``.+?``|`[^`]+`|\]\([^)\s]*\)|https?://\S+|<[^>]*>|\"[^\"]{1,80}\"")
SENTENCE_END = re.compile(r"[.!?][\"')\]*]*\s+(?=[A-Z`\"'(*\[])")
MARKER = re.compile(r"(?:[*+>-]|\d+\.)\s+")
OPENING = " \t*_\"'([“"


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, a comment, a docstring's paragraph, a message or a table cell: its lines, each with its number."""

    kind: str
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence; ``masked`` has its code, quotations and addresses crossed out, ``breaks`` is where lines begin."""

    path: str
    line: int
    text: str
    masked: str
    kind: str
    breaks: tuple[int, ...] = ()

    def line_of(self, offset: int) -> int:
        """Return the number of the line that holds this character."""
        return self.line + bisect.bisect_right(self.breaks, offset)


def files(root: Path) -> list[Path]:
    """List the project's files: what git knows or would add, or everything that is not hidden."""
    if shutil.which("git") and (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
        return sorted({root / name for name in listed.split("\0") if name and (root / name).is_file()})
    found = (path for path in root.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


def sentences(root: Path, path: Path) -> Iterator[Sentence]:
    """Read one file and yield its sentences, and for Python its lines of code as kind ``code``."""
    name = path.relative_to(root).as_posix()
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".py" or text.startswith("#!/usr/bin/env python"):
        passages = python_passages(text)
    elif path.suffix == ".md":
        passages = markdown_passages(text)
    elif path.suffix == ".sh" or text.startswith("#!/bin/sh"):
        passages = shell_passages(text)
    else:
        return
    for passage in passages:
        if passage.kind == "message" and not name.startswith(MESSAGES):
            continue
        if passage.kind == "code":
            yield from (Sentence(name, number, line, line, "code") for number, line in passage.lines)
        else:
            yield from _split(name, passage)


def _split(name: str, passage: Passage) -> Iterator[Sentence]:
    """Join the lines of a passage and split them into sentences."""
    starts, joined = [], ""
    for _, line in passage.lines:
        starts.append(len(joined))
        joined += line.strip() + " "
    masked = CODE_SPAN.sub(lambda match: "X" * len(match[0]), joined)
    ends = [match.end() for match in SENTENCE_END.finditer(masked)]
    begin = 0
    for end in [*ends, len(joined)]:
        begin += len(joined[begin:end]) - len(joined[begin:end].lstrip(OPENING))
        if joined[begin:end].strip():
            number = passage.lines[bisect.bisect_right(starts, begin) - 1][0]
            breaks = tuple(start - begin for start in starts if begin < start < end)
            yield Sentence(name, number, joined[begin:end].strip(), masked[begin:end].strip(), passage.kind, breaks)
        begin = end


def python_passages(source: str) -> Iterator[Passage]:
    """Yield the comments, docstrings and messages of a Python module, and its code without them.

    Strings that Python joins are one message. A string with the prefix r or b is a pattern or data.
    """
    comment: list[tuple[int, str]] = []
    message: list[tuple[int, str]] = []
    position, number, last = 0, 1, ""
    code: list[str] = []
    for token in TOKEN.finditer(source):
        between = source[position : token.start()]
        number += between.count("\n")
        fresh = "\n" in between or not position
        blank = not between.strip()
        if comment and not (blank and token["comment"] and between.count("\n") == 1):
            yield Passage("comment", tuple(comment))
            comment = []
        joins = not between.strip().strip("f")
        if message and not joins:
            yield from _message(message)
            message = []
        code.append(between)
        before = between.rstrip().removesuffix("r").rstrip()
        last = before[-1:] or last
        if token["comment"]:
            comment.append((number, _comment(token[0])))
            if not fresh or between.rpartition("\n")[2].strip():
                yield Passage("comment", tuple(comment))
                comment = []
        else:
            if last in ("", ":") and between.rpartition("\n")[2].strip() in ("", "r"):
                yield from _paragraphs("docstring", token[0].strip("\"'"), number)
            elif between[-1:] not in ("r", "b"):
                inside = FIELD.sub("{}", token[0].strip("\"'").replace("\\n", " "))
                message += [(at, line + " ") for at, line in enumerate(inside.split("\n"), number)]
            last = '"'
        code.append("" if token["comment"] else '""' + "\n" * token[0].count("\n"))
        number += token[0].count("\n")
        position = token.end()
    if comment:
        yield Passage("comment", tuple(comment))
    yield from _message(message)
    code.append(source[position:])
    yield Passage("code", tuple((n, line) for n, line in enumerate("".join(code).split("\n"), 1) if line.strip()))


def _message(lines: list[tuple[int, str]]) -> Iterator[Passage]:
    """Yield the strings that stand side by side, if they are words for people."""
    if sum(len(line.split()) for _, line in lines) >= LEAST_WORDS:
        yield Passage("message", tuple(lines))


def _comment(text: str) -> str:
    """Strip the marker and a leading instruction to a tool from a comment."""
    return PRAGMA.sub("", text, count=1).lstrip("#:! ")


def _paragraphs(kind: str, text: str, number: int) -> Iterator[Passage]:
    """Split text at blank lines, list items and examples."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), number):  # noqa: B020  # counts on from the first line
        stripped = line.strip()
        marker = MARKER.match(stripped)
        if block and (not stripped or marker or stripped.startswith(">>>")):
            yield Passage(kind, tuple(block))
            block = []
        if stripped and not stripped.startswith(">>>"):
            block.append((number, stripped[marker.end() :] if marker else stripped))
    if block:
        yield Passage(kind, tuple(block))


def markdown_passages(text: str) -> Iterator[Passage]:
    """Yield the paragraphs, list items, headings and table cells of a page, without its code blocks."""
    text = re.sub(r"<!--.*?-->", lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)
    fence, first = "", 1
    block: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        opened = re.match(r"(`{3,}|~{3,})", stripped)
        if not fence and not opened and not stripped.startswith(("#", "|")):
            if not block:
                first = number
            block.append(line)
            continue
        yield from _paragraphs("markdown", "\n".join(block), first)
        block = []
        if fence:
            fence = "" if stripped.startswith(fence) else fence
        elif opened:
            fence = opened[1]
        elif stripped.startswith("#"):
            yield Passage("heading", ((number, stripped.lstrip("# ")),))
        else:
            cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", stripped))
            yield from (Passage("cell", ((number, cell),)) for cell in cells if cell.strip(" :-"))
    yield from _paragraphs("markdown", "\n".join(block), first)


def shell_passages(text: str) -> Iterator[Passage]:
    """Yield the comments of a shell script that have lines of their own."""
    kept = (_comment(line.strip()) if line.strip().startswith("#") else "" for line in text.split("\n"))
    yield from _paragraphs("comment", "\n".join(kept), 1)
