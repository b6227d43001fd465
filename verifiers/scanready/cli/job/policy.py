"""Say when a refusal of an earlier run stops binding."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

#: Seconds after which a refused credential is tried again, unless the inventory says otherwise.
RETRY_AFTER = 24 * 3600.0
#: Stands for every credential in ``--retry-refused``.
EVERY_ONE = "*"


class Policy(NamedTuple):
    """Say when a refusal of an earlier run stops binding.

    Attributes:
        retry_after: seconds.
        retried: the name of the credential that ``--retry-refused`` names; :data:`EVERY_ONE` for all, "" for none.
    """

    retry_after: float = RETRY_AFTER
    retried: str = ""

    def retries(self, names: Collection[str]) -> bool:
        """Return True if an account with these names is tried once more."""
        return self.retried == EVERY_ONE or self.retried in names


DEFAULT_POLICY = Policy()
