"""Wrong arguments of the fixture ``scanready``: the text names the argument, and says what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from scanready.testing import Scanready


@pytest.mark.parametrize(
    ("target", "given", "error", "says"),
    [
        (3, {}, TypeError, "target must be a scanready.Target or a text such as 'postgresql://db7:5433/hr', not int"),
        (["ssh://h"], {}, TypeError, "target must be a scanready.Target or a text such as .*, not list"),
        ("ssh://h", {"credential": 3}, TypeError, "credential must be a scanready.Credential or None, not int"),
        ("ssh://h", {"user": "er", "key_file": 3}, TypeError, "key_file must be text"),
        ("ssh://h", {"depth": "top"}, ValueError, "depth must be one of connect, handshake, auth, .*, not 'top'"),
        ("ssh://h", {"timeout": 0}, ValueError, "Settings.timeout must be greater than 0"),
    ],
)
def test_nothing_is_contacted(
    scanready: Scanready, target: Any, given: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        scanready(target, **given)
