"""Write whole numbers as short texts that JSON holds without escapes: one character for each five and a half bits.

The digits of a number are in base 44, the lowest first. The last digit of a number is one of the upper 44 characters,
so that numbers need no separator between them.
"""

from __future__ import annotations

from collections.abc import Iterable

#: ASCII without the space and ``"#&:<\``, which JSON, HTML or a build server's log would read as something else.
ALPHABET = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"#&:<\\')
BASE = len(ALPHABET) // 2
_VALUE = {character: place for place, character in enumerate(ALPHABET)}
_LAST = ALPHABET[BASE:]
#: Numbers of two digits or fewer, which are the most frequent.
_SHORT = [*_LAST, *(ALPHABET[number % BASE] + _LAST[number // BASE] for number in range(BASE, BASE * BASE))]
#: The most digits of a number: microseconds and milliseconds stay far below it.
_MOST_DIGITS = 10


def written(numbers: Iterable[int]) -> str:
    """Return the text of some numbers, none of them below zero."""
    digits = []
    for number in numbers:
        left = number
        while left >= BASE * BASE:
            digits.append(ALPHABET[left % BASE])
            left //= BASE
        digits.append(_SHORT[left])
    return "".join(digits)


def read(text: str) -> list[int]:
    """Return the numbers of a text.

    Raises:
        ValueError: the text is damaged.
    """
    numbers, number, digits = list[int](), 0, 0
    for character in text:
        value = _VALUE.get(character, -1)
        if value < 0 or digits >= _MOST_DIGITS:
            raise ValueError("a number of the page is damaged")
        number += value % BASE * BASE**digits
        digits += 1
        if value >= BASE:
            numbers.append(number)
            number, digits = 0, 0
    if digits:
        raise ValueError("a number of the page is damaged")
    return numbers
