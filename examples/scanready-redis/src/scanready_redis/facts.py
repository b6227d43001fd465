"""The facts that a check of Redis states; `FakeTarget.assert_followed` fails for one that is not here."""

from __future__ import annotations

from scanready.author import facts

FACTS = {"redis": (facts.PRODUCT, facts.VERSION, facts.AUTH_METHODS)}
