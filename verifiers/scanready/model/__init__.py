"""The classes that describe a check and its result.

Agent, Target, Credential, Expectation and Step say what is asked; Outcome, Check, Cause, Owner and Finding say what was
found; Verdict, Footprint, Standing and Report are the answer. DeclaredAgent says which agents an estate has.

No I/O and no imports of ours. A verdict is computed here, from checks, and
nowhere else: no verifier can claim one.
"""

from __future__ import annotations

from .assignment import DeclaredAgent, assigned
from .expectation import Expectation, Standing, standing
from .finding import Case, Cause, Check, Facts, Finding, OtherFixes, OtherOwner
from .judgement import judge, reached
from .report import Footprint, Report
from .target import Agent, Credential, Target, bracketed, host_of, is_address
from .words import (
    DEPTHS,
    GOOD,
    HOLDS,
    INVENTED_USER,
    LADDER,
    LARGEST_PORT,
    REQUIRES,
    Outcome,
    Owner,
    Scope,
    Step,
    Verdict,
)

__all__ = [
    "DEPTHS",
    "GOOD",
    "HOLDS",
    "INVENTED_USER",
    "LADDER",
    "LARGEST_PORT",
    "REQUIRES",
    "Agent",
    "Case",
    "Cause",
    "Check",
    "Credential",
    "DeclaredAgent",
    "Expectation",
    "Facts",
    "Finding",
    "Footprint",
    "OtherFixes",
    "OtherOwner",
    "Outcome",
    "Owner",
    "Report",
    "Scope",
    "Standing",
    "Step",
    "Target",
    "Verdict",
    "assigned",
    "bracketed",
    "host_of",
    "is_address",
    "judge",
    "reached",
    "standing",
]
