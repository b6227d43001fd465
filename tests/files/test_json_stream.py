"""A JSON document that a shell of Windows wrote: UTF-8 or UTF-16, with a byte order mark."""

from __future__ import annotations

import io
import json

import pytest

from scanready.files.json_stream import JsonStream

DOCUMENT = {"host": "Köln", "ports": [22, 443]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_its_byte_order_mark_names_the_encoding(encoding: str) -> None:
    text = json.dumps(DOCUMENT, ensure_ascii=False) + "\r\n"
    stream = JsonStream(io.BytesIO(text.encode(encoding)), 1 << 20)
    assert stream.value() == DOCUMENT
    assert stream.peek() == ""


def test_a_document_may_be_empty() -> None:
    assert JsonStream(io.BytesIO(b""), 1).peek() == ""
