"""Read what script/bundle-offline and script/sbom are asked for: the platform, the Python and the extras."""

from __future__ import annotations

import argparse
import platform
import sys
from typing import NamedTuple

import offline_bundle
import pins


class Given(NamedTuple):
    """The options; `where` is the environment that markers are evaluated for."""

    platform: str
    where: pins.Environment
    extras: list[str]
    rest: argparse.Namespace


def read(parser: argparse.ArgumentParser) -> Given:
    """Add the options to a parser and read the command line; a mistake ends the process with 2."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    default = this_platform()
    parser.add_argument("--platform", choices=offline_bundle.PLATFORMS, default=default, help="[default: this one]")
    parser.add_argument("--python", choices=pins.PYTHONS, default=here, help="[default: this one's]")
    parser.add_argument(
        "--extra",
        default=pins.AGENT,
        metavar="NAMES",
        help=f"the extras, with commas: {', '.join(offline_bundle.EXTRAS)} [default: agent]",
    )
    given = parser.parse_args()
    if given.platform is None:
        parser.error(f"no wheels for this platform; give --platform: {', '.join(offline_bundle.PLATFORMS)}")
    extras = given.extra.split(",")
    if unknown := [extra for extra in extras if extra not in offline_bundle.EXTRAS]:
        parser.error(f"--extra: unknown: {', '.join(unknown)}; choose from {', '.join(offline_bundle.EXTRAS)}")
    return Given(given.platform, offline_bundle.environment(given.platform, given.python), extras, given)


def this_platform() -> str | None:
    """The name of this platform; None if the pins have no wheels for it."""
    found = (sys.platform, platform.machine())
    return next(
        (name for name, (system, machine) in offline_bundle.PLATFORMS.items() if (system, machine) == found), None
    )
