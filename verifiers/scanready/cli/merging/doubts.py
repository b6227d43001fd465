"""Name the results of a merge that are not believed as they are written: a bounded number of sentences a file."""

from __future__ import annotations

from collections import Counter
from typing import Any

from scanready.model import Report
from scanready.report.paper import counted
from scanready.run.target_name import name_of
from scanready.wire.printable import visible

#: The sentences of one file and kind; the others are counted.
_MOST = 20
_LONGEST_NAME, _LONGEST_WHY = 120, 200


class Doubts:
    """Collect the sentences about results that were judged again or left out.

    Attributes:
        remarks: those of the files that were accepted.
        first_left: the first sentence about a result of the current file that was left out; empty without one.
    """

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self.first_left = ""
        self._file, self._before, self._counts = "", 0, Counter[str]()

    def begin(self, file: str) -> None:
        """Begin with a file; sentences about it follow."""
        self._file, self._before, self.first_left = visible(file, 80), len(self.remarks), ""

    def drop(self) -> None:
        """Forget the sentences about the current file, which is left out as a whole."""
        del self.remarks[self._before :]
        self._counts.clear()

    def leave(self, place: int, result: Any, why: str) -> None:
        """Note that a result was left out; ``place`` is its number in the file."""
        name = _name(result)
        which = f"result {place} ({name})" if name else f"result {place}"
        why = visible(why, _LONGEST_WHY)
        self.first_left = self.first_left or f"{which}: {why}"
        self._note("left out", f"{self._file}: {which} was left out: {why}")

    def judge(self, result: Any, judged: Report) -> None:
        """Note that a result has another verdict, cause or owner than its checks."""
        name, cause = visible(name_of(judged.target), _LONGEST_NAME), result.get("cause")
        stored = _verdict(result["verdict"], cause["code"] if cause else "", cause["owner"] if cause else "")
        now = _verdict(judged.verdict, judged.cause.code if judged.cause else "", judged.owner or "")
        what = f"its verdict is {stored}, and its checks show {now}"
        if stored == now:
            what = f"it is {now}, but its evidence or its highest step is not that of its checks"
        self._note("judged again", f"{self._file}: {name}: {what}; the checks count")

    def _note(self, kind: str, sentence: str) -> None:
        self._counts[kind] += 1
        if self._counts[kind] <= _MOST:
            self.remarks.append(sentence)

    def end(self) -> None:
        """End the file; count the sentences that were too many."""
        for kind, count in self._counts.items():
            if count > _MOST:
                self.remarks.append(f"{self._file}: {counted(count - _MOST, 'more result')} {kind}")
        self._counts.clear()


def _verdict(verdict: str, code: str, owner: str) -> str:
    return f"{verdict} ({visible(code, 80)}, {owner})" if code else str(verdict)


def _name(result: Any) -> str:
    """Return the name of the target of a result, which may be none."""
    match result:
        case {"target": {"name": str(name)}} | {"target": {"host": str(name)}}:
            return visible(name, _LONGEST_NAME)
    return ""
