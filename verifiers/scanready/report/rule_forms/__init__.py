"""List the forms of firewall rules by their ``--format`` word; each form has its own module."""

from __future__ import annotations

from collections.abc import Mapping

from . import aws, azure, change_request, iptables, nftables, objects, powershell, table
from .form import Chain, Form
from .nftables import nftables_rule
from .objects import rule_object

__all__ = ["FORMS", "Chain", "Form", "nftables_rule", "rule_object"]

FORMS: Mapping[str, Form] = {
    "table": table.FORM,
    "nftables": nftables.FORM,
    "iptables": iptables.FORM,
    "windows": powershell.FORM,
    "aws": aws.FORM,
    "azure": azure.FORM,
    "csv": change_request.FORM,
    "json": objects.FORM,
}
