"""The numbers that the codecs know are those of the specifications, written down here a second time, from these.

A number too many would call a peer's value known, and one too few would call it unknown. Words are in the samples.
"""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus

import pytest

from scanready.wire import http
from scanready.wire.fields import Role
from tests.wire.unknown import CODECS, fields_of

#: DRDA volume 3, SECCHKCD; nfsstat3 and nfsstat4 have these of Unix' own.
_SECURITY_CHECKS, _UNIX = range(0x17), (0, 1, 2, 5, 6, 13, 17, 18, 20, 21, 22, 27, 28, 30, 31, 63, 66, 69, 70)
#: [MS-TDS] 2.2.4.2.1 and 2.2.7, those that may answer a login.
_TDS7_TOKENS = (0xAA, 0xAB, 0xAD, 0xAE, 0xE3, 0xE4, 0xED, 0xEE, 0xFD, 0xFE, 0xFF)
#: TDS 5.0 Functional Specification, "Token streams": by the length field, of fixed length, rows and parameters.
_TDS5_TOKENS = (
    *(0x65, 0xAD, 0xE5, 0xAA, 0xAB, 0xE3, 0xE2, 0xEC, 0xEE, 0xA0, 0xA1, 0xA4, 0xA5, 0xA7, 0xA9, 0xAE),
    *(0x20, 0x22, 0x61, 0xFD, 0xFE, 0xFF, 0x79, 0x71, 0x7C, 0xD1, 0xD7),
)
#: DDM reply messages and objects (DRDA volume 3).
_DDM = (
    *(0x1443, 0x14AC, 0x1219, 0x2201, 0x2408, 0x241B, 0x2211, 0x2203, 0x2204, 0x2207, 0x221A, 0x1218, 0x1210, 0x124C),
    *(0x1245, 0x1232, 0x1233, 0x1250, 0x1251, 0x1252, 0x1253, 0x1254, 0x125F, 0x220C, 0x002F, 0x0035, 0x2205, 0x220B),
    *(0x220F, 0x2212, 0x2218, 0x221D, 0x2225, 0x241A, 0x2411, 0xC000),
)
#: IANA, "TLS Alerts".
_ALERTS = (
    *(0, 10, 20, 21, 22, 30, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 60, 70, 71, 80, 86, 90, 100, 109, 110),
    *(111, 112, 113, 114, 115, 116, 120, 121),
)
#: Statuses of [MS-ERREF] that may come before anybody is named.
_SMB_STATUSES = (
    *(0, 0x103, 0xC0000016, 0xC0000022, 0xC00000BB, 0xC0000418, 0xC00000D0, 0xC000006D, 0xC000000D, 0xC000009A),
)
#: The fields of numbers of each codec.
NUMBERS: dict[str, dict[str, Collection[int]]] = {
    "dcerpc": {  # C706, 12.6; [MS-RPCE] 2.2.2; [MS-ERREF]
        "the version": (5,),
        "the minor version": (0, 1),
        "the type of a unit": (2, 3, 12, 13, 15),
        "the byte order": (0, 0x10),
        "the format of characters and floats": (0, 1, 2, 3),
        "the result of an interface": (0, 1, 2, 3),
        "the reason of a result": (0, 1, 2, 3),
        "the reason of a bind_nak": (0, 1, 2, 3, 4, 8, 9),
        "the status of a fault": (5, 1753, 1825, 0x1C010003, 0x1C010002, 0x1C00001A, 0x1C01000B, 0x1C010014),
    },
    "dcom": {  # [MS-DCOM] 2.2.11; [MS-RPCE] 2.2.1.1.7
        "the minor version of DCOM": range(1, 8),
        "the protocol of a binding": (7, 8, 15, 16, 31),
        "a way to log in": (9, 10, 14, 16, 22, 31),
        "the status of ServerAlive2": (0, 5),
    },
    "drda": {
        "the codepoint of a reply": _DDM,
        "the type of a structure": (2, 0x42, 0x12, 0x52, 3, 0x43, 0x13, 0x53),
        "the mark of a structure": (0xD0,),
        "a security mechanism": (1, *range(3, 17)),
        "a list of security mechanisms": (1, *range(3, 17)),
        "the code beside a list of mechanisms": _SECURITY_CHECKS,
        "the security check code": _SECURITY_CHECKS,
        "the severity of a reply": (0, 4, 8, 16, 32, 64, 128),
        "a manager": (0x1403, 0x2407, 0x1474, 0x240F, 0x1440, 0x1C08),
        "the character set of names": (0, 1208),
        "a parameter of ACCSECRD": (0x11A2, 0x11A4, 0x11DC),
        "the null indicator of an SQLCARD": (0, 0xFF),
    },
    "epm": {  # C706, appendices I and O
        "the status of a look-up": (0, 5, 0x16C9A0D6, 0x16C9A0CD, 0x16C9A0CF),
        "the protocol of a floor": (7, 8, 9, 11, 13, 15, 16, 17),
        "the kind of an identifier": (13,),
    },
    "mysql": {
        "the kind of the first packet": (9, 10, 11, 255),
        "the number of the first packet": (0, 1),
        "the kind of the answer to the login": (0, 1, 254, 255),
        "the error": (1040, 1045, 1129, 1130, 1156, 1203, 1698, 3159),
    },
    "nbt": {  # RFC 1002, 4.2.14, 4.3
        "the type of a frame": (0, 0x82, 0x83, 0x84),
        "the reason of a refusal": (0x80, 0x81, 0x82, 0x83, 0x8F),
        "the result of a name query": range(8),
        "the type of a resource record": (0x21,),
        "the suffix of a name": (0, 1, 3, 6, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x20),
    },
    "ntlm": {"the type of the message": (1, 2, 3), "a name of the server": range(11)},  # [MS-NLMP] 2.2.1, 2.2.2.1
    "postgresql": {
        "the authentication request": (0, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13),
        "the newest protocol version": (196608,),
    },
    "rpc.message": {  # RFC 5531, 8 and 9
        "the type of a message": (0, 1),
        "the state of a reply": (0, 1),
        "the state of an accepted call": range(6),
        "the state of a rejected call": (0, 1),
        "the reason of a rejected credential": (1, 2, 3, 4, 5, 6, 7, 13, 14),
        "the flavor of the verifier": range(8),
    },
    "rpc.mount": {  # RFC 1813, 5.1.5; RFC 2623, 2.5
        "the status of MNT": (0, 1, 2, 5, 13, 20, 22, 63, 10004, 10006),
        "a flavor of an export": (0, 1, 2, 3, 6, 390003, 390004, 390005),
    },
    "rpc.nfs3": {"the status of an NFSv3 call": (*_UNIX, 19, 71, *range(10001, 10009))},  # RFC 1813, 2.6
    "rpc.nfs4": {  # RFC 7530, 13.1 and 16; RFC 7862, 11.1; RFC 8276, 8.5
        "the status of a COMPOUND": (*_UNIX, *range(10001, 10097)),
        "the status of an operation": (*_UNIX, *range(10001, 10097)),
        "an operation": (3, 9, 15, 24, 26, 33),
        "a flavor of a directory": (0, 1, 2, 3, 6),
    },
    "rpc.rpcbind": {"the transport of a registration": (6, 17)},
    "smb1": {  # [MS-CIFS] 2.2.3.1, 2.2.4.52
        "the command that is answered": (0x72, 0x73),
        "the status": (0, 0xC0000016),
        "the number of the dialect": (0, 0xFFFF),
    },
    "smb2": {  # [MS-SMB2] 2.2.1, 2.2.3.1, 2.2.4
        "the command that is answered": (0, 1),
        "the status": _SMB_STATUSES,
        "the size of an answer's structure": (9, 65),
        "the dialect": (0x0202, 0x0210, 0x0300, 0x0302, 0x0311, 0x02FF),
        "the kind of a negotiate context": (1, 2, 3, 5, 6, 7, 8),
        "the cipher": range(5),
        "the signing algorithm": (0, 1, 2),
        "the hash": (1,),
    },
    "spnego": {
        "the tag of a token": (0x60, 0xA1, 0xA0, 0xA2, 0x30, 0x06, 0x04, 0x0A),
        "the state": (0, 1, 2, 3),
    },
    "sqli": {
        "the mark of a packet": (0x3C,),
        "the type of a packet": (1, 2, 3, 13),
        "the version block": (108,),
        "the result block": (102, 103),
    },
    "ssh": {  # RFC 4250, 4.1.2; RFC 8308, 3.2
        "the number of a message": (
            *(1, 2, 3, 4, 5, 6, 7, 8, 20, 21, 30, 31, 32, 33, 34, 50, 51, 52, 53, 60, 61, 62, 63, 64, 65, 66),
            *(80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100),
        )
    },
    "ssrp": {"the kind of a datagram": (5,)},
    "tds5": {
        "the type of a packet": (4,),
        "a token": _TDS5_TOKENS,
        "the status of LOGINACK": (1, 5, 6, 7, 0x85, 0x86, 0x87),
        "the severity of a message": range(11, 27),
    },
    "tds7": {  # [MS-TDS] 2.2.3.1, 2.2.6.5, 2.2.7.9
        "the type of a packet": (0x04, 0x12),
        "the first option of PRELOGIN": (0,),
        "an option of PRELOGIN": (1, 2, 3, 4, 5, 6, 7),
        "the encryption in PRELOGIN": (0, 1, 2, 3),
        "the instance in PRELOGIN": (0, 1),
        "a token": _TDS7_TOKENS,
        "what ENVCHANGE changes": (1, 2, 3, 4, 7, 18, 20),
    },
    "teradata": {  # the vendor's driver 20.0
        "the format of a message": (3,),
        "the class of a message": (1, 2),
        "the kind of a message": range(1, 13),
        "the flavor of a parcel": (166, 43, 165, 167, 49, 9),
        "the flavor of the gateway's parcel": (166, 43, 165, 167, 49, 9),
        "a port of the gateway": (0, 1),
        "the HTTPS port of the gateway": (0, 1),
        "an offer of the gateway": (*range(1, 8), *range(10, 17)),
    },
    "tibero": {"the type of the greeting": (0, 76, 144), "the protocol version": range(2, 21)},
    "tls": {  # RFC 8446, 4, 5.1 and 6; IANA, "TLS Alerts"
        "the type of a record": range(20, 25),
        "the major version of a record": (3,),
        "the type of a handshake message": (1, 2),
        "the level of an alert": (1, 2),
        "the description of an alert": _ALERTS,
    },
    "tns": {
        "the type of a packet": (2, 4, 5, 11, 1, 3, 6, 7, 9, 12, 13, 14),
        "the version of an ACCEPT": range(300, 320),
        "the user's reason of a REFUSE": (0, 1, 2, 3, 4, 0x22),
        "the system's reason of a REFUSE": (0, 1, 2, 3, 4),
    },
}
#: The fields of flags of each codec, as the mask of all bits that have a meaning.
MASKS: dict[str, dict[str, int]] = {
    "mysql": {"the capabilities": 0x3FFF},
    "nbt": {"the flags of a name": 0xFE00},  # RFC 1002, 4.2.18
    "ntlm": {"the flags": 0xFFFFFFFF & ~0x1D044508},  # but those of [MS-NLMP] 2.2.2.5 that are reserved
    "rpc.nfs3": {"the rights that are granted": 0x3F},  # RFC 1813, 3.3.4
    "smb1": {"the flags": 0xFB, "the second flags": 0xFC57, "the security mode": 0x0F, "the capabilities": 0xE083F3FF},
    "smb2": {
        "the flags of the header": 0x3000000F,
        "the security mode": 3,
        "the capabilities": 0xFF,
        "the flags of the session": 7,
    },
    "tds5": {"the status of a packet": 0x01, "the status of DONE": 0x13},
    "tds7": {"the status of a packet": 0x01, "the status of DONE": 0x13},
    "tns": {"the flags of a packet": 0x2C, "the flags of an ACCEPT": 0x1D},
}


#: The fields of one octet of the protocols whose numbers are little-endian: Microsoft's, MySQL's, the tokens of TDS.
OCTETS: dict[str, set[str]] = {
    "dcerpc": {
        *("the version", "the minor version", "the type of a unit", "the byte order"),
        "the format of characters and floats",
    },
    "dcom": set(),
    "epm": {"the protocol of a floor", "the kind of an identifier"},
    "mysql": {"the kind of the first packet", "the number of the first packet", "the kind of the answer to the login"},
    "ntlm": set(),
    "smb1": {"the command that is answered", "the flags", "the security mode"},
    "smb2": set(),
    "tds5": {*NUMBERS["tds5"], "the status of a packet"},
    "tds7": {*NUMBERS["tds7"], "the status of a packet"},
}


@pytest.mark.parametrize("codec", CODECS)
def test_the_order_of_octets_is_that_of_the_protocol(codec: str) -> None:
    numbers = {field.name: field.order for field in fields_of(codec) if not field.of_words}
    assert {name for name, order in numbers.items() if order == "big"} == OCTETS.get(codec, numbers.keys())


#: How many lengths grow with an offer: those of what carries it, and of the lists that it is in.
LENGTHS = {
    "drda": [2],
    "imap": [0],
    "postgresql": [1],
    "rpc.mount": [2],
    "rpc.nfs4": [2],
    "spnego": [5],
    "ssh": [2] * 8,
}


@pytest.mark.parametrize("codec", CODECS)
def test_an_offer_says_what_grows_with_it(codec: str) -> None:
    """A reader may pass over a member that no length counts, and then nothing would have been tried."""
    offers = [field for field in fields_of(codec) if field.role is Role.OFFER]
    assert [len(field.lengths) for field in offers] == {**LENGTHS, "teradata": [1]}.get(codec, [])


@pytest.mark.parametrize("codec", CODECS)
def test_the_numbers_are_those_of_the_specification(codec: str) -> None:
    numbers = [field for field in fields_of(codec) if not field.of_words]
    assert {field.name: set(field.known) for field in numbers if not field.flags} == {
        name: set(known) for name, known in NUMBERS.get(codec, {}).items()
    }
    masks = {field.name: field.known for field in numbers if field.flags}
    assert {name: sum(int(bit) for bit in known) for name, known in masks.items()} == MASKS.get(codec, {})
    assert all(int(bit).bit_count() == 1 for known in masks.values() for bit in known)


def test_the_statuses_of_http_are_ianas_and_those_of_widespread_products() -> None:
    iana = {int(status) for status in HTTPStatus} | {104, 306}
    products = {440, 444, 449, 460, 463, 464, *range(494, 500), 509, *range(520, 528), 529, 530, 561}
    assert iana | products == http.STATUSES
