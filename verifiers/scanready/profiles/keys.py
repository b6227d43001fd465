"""Declare the keys of a profile's mappings: the type and bounds of each value, what it means, and whether it is needed.

The reader and the JSON Schema follow from the same declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from scanready.catalogue.bounds import (
    Confidence,
    Line,
    OptionName,
    Platform,
    ProfileName,
    RequiredPorts,
    Text,
    Transport,
)

#: One line of prose that may not be empty.
Words = Annotated[str, Text(r".*\S.*", 300, "text on one line")]
Named = Annotated[str, Text(r".+", 40, "the name of one of its type's conditions")]


class Key(NamedTuple):
    """One key: the type of its value with bounds, its meaning, and whether every mapping has it."""

    hint: Any
    meaning: str
    needed: bool = False


Keys = Mapping[str, Key]

ABOUT: Keys = {
    "name": Key(ProfileName, "The short name for --profile. The file of a package has this name.", needed=True),
    "scanner": Key(Words, "The scanner and its version, as reports name it.", needed=True),
    "document": Key(Words, "The document that the sources quote.", needed=True),
}
TYPE: Keys = {
    "agent": Key(Platform, "The agent platform that the document demands. Default: any."),
    "suits": Key(Platform, "The agent platform that later documents ask for. Default: any."),
    "alike": Key(bool, "Whether the document recommends an agent of the target's own platform. Default: false."),
    "client": Key(Words, "The program that the scanner needs on the agent. Default: none."),
    "verifies_certificate": Key(
        bool,
        "Whether the scanner's client judges the certificate: a faulty one then limits the target. Default: false.",
    ),
    "doubt": Key(Line, "What is known to be doubtful in the document about this type."),
}
LINE: Keys = {
    "ports": Key(RequiredPorts, "Ports and ranges, or `dynamic` for those that a broker names.", needed=True),
    "transport": Key(Transport, "The transport of the ports.", needed=True),
    "when": Key(Named, "The name of the condition under which the line applies. Default: always."),
    "pinned_by": Key(
        tuple[OptionName, ...], "The options of targets that fix a port of one service each in place of these ports."
    ),
    "confidence": Key(
        Confidence,
        "stated: the document prints these ports; corrected: it prints others, which are known to be wrong; "
        "inferred: it prints none.",
        needed=True,
    ),
    "doubt": Key(Line, "What is known to be doubtful in this line."),
    "source": Key(Words, "The section of the document, and the words that demand the ports.", needed=True),
}
#: The keys that hold mappings and lists of them, beside those above.
HEAD = {"profile": "The names of the profile.", "types": "The requirements by the names of the target types."}
REQUIRES = "The ports, the target's own first."
