"""Collect the problems of an inventory file while it is read, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from scanready.catalogue.wrong import Wrong, did_you_mean, shown

from . import schema
from .options import is_secretive
from .problems import MOST_PROBLEMS, Problem, too_many
from .yaml_nodes import Node

Model = TypeVar("Model", bound=BaseModel)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(slots=True)
class Page:
    """Collect problems and warnings with their places. ``base`` is the directory of relative file names."""

    file: str
    base: Path
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def wrong(self, node: Node, *messages: str) -> None:
        """Note problems at a node.

        Raises:
            InventoryError: there are `MOST_PROBLEMS` now; the rest of the file is not read.
        """
        self.problems.extend(Problem(message, self.file, node.line, node.column) for message in messages)
        if len(self.problems) >= MOST_PROBLEMS:
            raise too_many(self.problems, self.file)

    def careless(self, node: Node, messages: Sequence[str]) -> None:
        """Note warnings at a node."""
        self.warnings.extend(str(Problem(message, self.file, node.line, node.column)) for message in messages)

    @contextmanager
    def reading(self, node: Node) -> Iterator[None]:
        """Note a :class:`Wrong` raised in the block as a problem at ``node``, and continue after the block."""
        try:
            yield
        except Wrong as wrong:
            self.wrong(node, *wrong.messages)

    def shaped(self, model: type[Model], node: Node, value: Mapping[str, Any] | None = None) -> Model | None:
        """Validate a mapping (``value``, or else the whole node); return None if it has problems."""
        try:
            return model.model_validate(node.plain() if value is None else value)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False, include_context=False)
        for found in errors:
            self._shape(model, node, found["type"], found["loc"], found["msg"])
        return None

    def unknown_key(self, model: type[BaseModel], key: Node) -> None:
        """Note a key that the model does not have.

        The key itself may be a secret: ``password:hunter2``, without the space, is one key. Only a plain word is
        repeated, and in a credential not even that.
        """
        known = schema.keys_of(model)
        listed = ", ".join(known)
        lead = _WORD.match(key.text)
        word = lead[0] if lead else ""
        if word != key.text and key.text[len(word) :].startswith(":") and word in known:
            self.wrong(key, f"a space is missing after `{word}:`")
        elif model in (schema.CredentialEntry, schema.LocalCredentialEntry):
            self.wrong(key, f"unknown key{did_you_mean(word, known)} (a credential has: {listed})")
        elif is_secretive(word):
            self.wrong(
                key,
                "a secret is refused here (and not repeated): write a reference to it in `credentials`, and name that "
                "entry in `credential`",
            )
        elif word != key.text:
            self.wrong(key, f"unknown key (the keys are: {listed})")
        else:
            near = did_you_mean(word, known)
            self.wrong(key, f"unknown key {shown(word)}{near or f' (the keys are: {listed})'}")

    def _shape(self, model: type[BaseModel], node: Node, kind: str, loc: tuple[int | str, ...], words: str) -> None:
        """Note one of pydantic's errors at its place, with a plainer message."""
        key = node
        for part in loc:
            if isinstance(node.value, dict) and part in node.value:
                key, node = node.value[str(part)]
            elif isinstance(node.value, list) and isinstance(part, int):
                key = node = node.value[part]
        name = _called(loc)
        if kind == "extra_forbidden":
            self.unknown_key(model, key)
        elif kind == "missing":
            self.wrong(node, f"{name} is missing")
        elif node.value is None or kind in ("string_too_short", "too_short"):
            self.wrong(node, f"{name} is empty")
        elif kind == "literal_error":
            expected = get_args(schema.Depth)
            self.wrong(node, f"{name} must be one of {', '.join(expected)}{did_you_mean(node.text, expected)}")
        elif kind == "string_type" and not isinstance(node.value, (dict, list)):
            self.wrong(node, f"{name} must be text: write it in quotes")
        elif kind == "list_type" and loc[-1] in _NAMES:
            self.wrong(node, f"{name} must be a name or a list of names")
        elif kind in _BOUNDS and loc[-1] in _RANGES:
            self.wrong(node, f"{name} is out of range: {_RANGES[str(loc[-1])]}")
        else:
            self.wrong(node, f"{name} {_WORDS.get(kind, words)}")


def _called(loc: tuple[int | str, ...]) -> str:
    """Return the name of the value at one of pydantic's locations, for messages."""
    if not loc:
        return "this"
    return f"an item of `{loc[-2]}`" if isinstance(loc[-1], int) else f"`{loc[-1]}`"


_BOUNDS = ("greater_than", "greater_than_equal", "less_than_equal", "finite_number")
_NAMES = ("agents", "site")
_RANGES = {"port": "1 to 65535", "timeout": f"more than 0 and at most {schema.LONGEST_TIMEOUT:.0f} seconds"}
_WORDS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_pattern_mismatch": "must be a number and a unit: 30m, 24h or 7d",
}
