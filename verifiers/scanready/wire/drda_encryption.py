"""Encrypt user and password for DRDA's SECMEC 9: a Diffie-Hellman exchange, then DES (DRDA volume 3, EUSRIDPWD).

    ACCSEC with the client's public value    -> ACCSECRD with the server's public value
    SECCHK with both tokens encrypted        -> SECCHKRM

The specification defines a 256-bit group and a 56-bit cipher. They stop a passive listener without tools, but can be
broken within hours. DB2 clients use this by default (IBM's driver 12.1 sends the same).
"""

from __future__ import annotations

import secrets

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.padding import PKCS7

from . import WireError

LENGTH = 32
_PRIME = int("C62112D73EE613F0947AB31F0F6846A1BFF5B3A4CA0D60BC1E4C7A0D8C16B3E3", 16)
_GENERATOR = int("4690FA1F7B9E1D4442C86C9114603FDECF071EDCEC5F626E21E256AED9EA34E4", 16)
_MIDDLE = slice(12, 20)


class Exchange:
    """Hold the client's half of one key exchange; ``public`` is the value for ACCSEC."""

    def __init__(self) -> None:
        self._secret = secrets.randbits(255) | 1 << 254
        self.public = pow(_GENERATOR, self._secret, _PRIME).to_bytes(LENGTH, "big")

    def encrypt(self, theirs: bytes, text: bytes) -> bytes:
        """Return the token for SECCHK, encrypted with the key shared with the owner of the public value ``theirs``.

        Raises:
            WireError: ``theirs`` is not a public value of this group.
        """
        value = int.from_bytes(theirs, "big")
        if len(theirs) != LENGTH or not 1 < value < _PRIME - 1:
            raise WireError("a security token that is not a value of DRDA's key exchange")
        key = pow(value, self._secret, _PRIME).to_bytes(LENGTH, "big")[_MIDDLE]
        padder = PKCS7(64).padder()
        plain = padder.update(text) + padder.finalize()
        cipher = Cipher(TripleDES(key * 3), modes.CBC(theirs[_MIDDLE])).encryptor()  # three times the same key is DES
        return cipher.update(plain) + cipher.finalize()
