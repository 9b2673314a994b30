"""``underround doctor``: asks every configured venue whether it can be read and traded, and judges.

Asking and judging are apart: the ``judge_…`` functions are pure, and each check asks, judges and
changes nothing at a venue.  The one exception is wanted: with ``live`` a Polymarket wallet that has
no API key yet is given one, because everything private hangs on it.
"""

from underround.app.doctor.checks import Line
from underround.app.doctor.examination import (
    DEFAULT_TIMEOUT_S,
    MACHINE,
    VENUES,
    Examination,
    Wanted,
    stored_keys,
)
from underround.app.doctor.findings import LEVELS, Finding, Level, worst_code

__all__ = [
    "DEFAULT_TIMEOUT_S",
    "LEVELS",
    "MACHINE",
    "VENUES",
    "Examination",
    "Finding",
    "Level",
    "Line",
    "Wanted",
    "stored_keys",
    "worst_code",
]
