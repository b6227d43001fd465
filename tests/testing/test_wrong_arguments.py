"""Wrong arguments of the fixtures: the text names the argument, and says what to write instead."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from scanready.testing import FakeTarget, Scanready


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


@pytest.mark.parametrize(
    ("step", "given", "error", "says"),
    [
        ("expect", "hello", TypeError, "takes bytes or a pattern of bytes, such as b'hello', not text"),
        ("expect", re.compile("hello"), TypeError, "takes bytes or a pattern of bytes, such as b'hello', not text"),
        ("expect", None, TypeError, "takes bytes or a pattern of bytes, such as b'hello', not NoneType"),
        ("send", "hello", TypeError, "takes bytes, such as b'hello', not text"),
        ("drip", 5, TypeError, "takes bytes, such as b'hello', not int"),
        ("wait", "long", TypeError, "takes a number of seconds, not str"),
        ("wait", -1, ValueError, "takes 0 seconds or more, not -1"),
        ("wait", math.nan, ValueError, "takes 0 seconds or more, not nan"),
    ],
)
def test_a_script_is_refused_where_it_is_written(
    fake_target: FakeTarget, step: str, given: Any, error: type[Exception], says: str
) -> None:
    """Its own thread would end with a traceback, and the check would blame the verifier."""
    with pytest.raises(error, match=rf"FakeTarget\.{step} {says}"):
        getattr(fake_target, step)(given)
