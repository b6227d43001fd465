"""Causes of a target type that another package brings: what it brings is broken, or proves nothing."""

from __future__ import annotations

from scanready.model import Cause, Owner, Step

PLUGIN_BROKEN = Cause(
    "agent.plugin-broken",
    Owner.AGENT,
    Step.AGENT,
    "Another package brings this target type, and what it brings cannot be used. Nothing was contacted.",
    "Update or remove the package that the detail names; send the detail to its authors.",
    "scanready types",
    definite=False,
)
PLUGIN_FAILED = Cause(
    "agent.plugin-failed",
    Owner.AGENT,
    Step.HANDSHAKE,
    "Another package brings this target type, and its verifier failed with an error of its own. That says nothing "
    "about the target.",
    "Report it to the authors of the package that the detail names, with the output of `scanready check -v` for this "
    "target, or uninstall the package.",
    "Run the same check again.",
    definite=False,
)
PLUGIN_UNPROVEN = Cause(
    "agent.plugin-unproven",
    Owner.AGENT,
    Step.HANDSHAKE,
    "Another package brings this target type, and its verifier says that all is well without the proof for that. "
    "Whether the target can be scanned is unknown.",
    "Report it to the authors of the package that the detail names, or uninstall the package.",
    "Run the same check again with --transcript FILE: it has every byte that the target sent.",
    definite=False,
)
