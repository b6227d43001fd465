"""Recognise Redis by its first bytes, where another service is expected on the port.

scanready itself recognises the replies that most clients draw. These are further ones: a server that is loading its
data set, and one that has all the clients it takes.
"""

from __future__ import annotations

from scanready.author import Signature, says

SIGNATURES: tuple[Signature, ...] = (
    Signature("redis", says(rb"-LOADING Redis|-ERR max number of clients reached", "a Redis server"), 145),
)
