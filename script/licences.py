"""Tell the licence of a package from its metadata, as an SPDX expression where the package's words are one.

https://spdx.org/licenses/ has the identifiers; PEP 639 the field `License-Expression`, which older packages lack.
"""

from __future__ import annotations

from email.message import Message

import pins
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

#: Trove classifiers that mean one licence. "BSD License" and its like mean several, so they are no identifier.
_OF_CLASSIFIER = {
    "Academic Free License (AFL)": "AFL-3.0",
    "Apache Software License": "Apache-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
#: Words of `License`, in lower case, with the licence that packages mean by them.
_OF_WORDS = {
    "apache license, version 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "mit license": "MIT",
    "new bsd": "BSD-3-Clause",
    "psfl": "PSF-2.0",
}
#: Packages whose metadata says no more than "BSD", or nothing: read in the licence file of the pinned version.
READ = {
    "amqp": "BSD-3-Clause",
    "billiard": "BSD-3-Clause",
    "cached-property": "BSD-3-Clause",
    "imapclient": "BSD-3-Clause",
    "isodate": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "prompt-toolkit": "BSD-3-Clause",
    "pyasn1-modules": "BSD-2-Clause",
    "pycryptodomex": "BSD-2-Clause AND LicenseRef-public-domain",
    "pysocks": "BSD-3-Clause",
    "python-dateutil": "BSD-3-Clause",  # all of it; a part also under Apache-2.0
    "vine": "BSD-3-Clause",
    "webencodings": "BSD-3-Clause",
}
_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST = 60


def spdx(metadata: Message) -> str:
    """Return the SPDX expression of a package; empty if its metadata has none."""
    words = _words(metadata)
    for text in (metadata.get("License-Expression", ""), _OF_WORDS.get(words.lower(), words)):
        try:
            return str(canonicalize_license_expression(text.removesuffix("+")))
        except InvalidLicenseExpression:
            continue
    found = {_OF_CLASSIFIER.get(name, "") for name in _classifiers(metadata)} - {""}
    return READ.get(pins.normalised(metadata["Name"])) or (found.pop() if len(found) == 1 else "")


def named(metadata: Message) -> str:
    """Return the SPDX expression, or the package's own words for its licence.

    Raises:
        ValueError: it names none.
    """
    own = _words(metadata) or ", ".join(_classifiers(metadata))
    if not (found := spdx(metadata) or own):
        raise ValueError(f"{metadata['Name']} {metadata['Version']} names no licence")
    return found


def _words(metadata: Message) -> str:
    """Return the text of `License`, unless it is the licence itself."""
    text = " ".join(metadata.get("License", "").split())
    return text if len(text) <= _LONGEST else ""


def _classifiers(metadata: Message) -> list[str]:
    return [one.removeprefix(_CLASSIFIER) for one in metadata.get_all("Classifier", []) if one.startswith(_CLASSIFIER)]
