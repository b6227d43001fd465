"""Causes of a target type from another package: the package is broken, or its verifier proves nothing."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

PLUGIN_BROKEN = Cause(
    "agent.plugin-broken",
    Owner.AGENT,
    Step.AGENT,
    "Another package provides this target type, and its code cannot be used. Nothing was contacted.",
    "Update or remove the package named in the detail. Send the detail to its authors.",
    "scanready types",
    definite=False,
    wire="Nothing is sent: the package does not load.",
)
PLUGIN_FAILED = Cause(
    "agent.plugin-failed",
    Owner.AGENT,
    Step.HANDSHAKE,
    "Another package provides this target type, and its verifier failed with an internal error. This says nothing "
    "about the target.",
    "Report it to the authors of the package named in the detail, with the output of `scanready check -v` for this "
    "target. Or uninstall the package.",
    "Run the same check again.",
    definite=False,
    wire="The capture shows nothing specific: the error is inside the package.",
)
PLUGIN_UNPROVEN = Cause(
    "agent.plugin-unproven",
    Owner.AGENT,
    Step.HANDSHAKE,
    "Another package provides this target type, and its verifier reports success without proof. It is unknown whether "
    "the target can be scanned.",
    "Report it to the authors of the package named in the detail, or uninstall the package.",
    "Run the same check again with --transcript FILE: it has every byte that the target sent.",
    definite=False,
    wire="The capture lacks the exchange that would prove the result: no connection, or no answer from the target.",
)
