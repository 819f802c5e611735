"""The names Temporal knows: workflow types, the signal, activities. A name once used never changes its meaning."""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal["enrolment", "handoff"]

ENROLMENT: Final = "enrolment"
HANDOFF: Final = "handoff"
WAKE: Final = "wake"

ADVANCE_ENROLMENT: Final = "advance_enrolment"
ADVANCE_HANDOFF: Final = "advance_handoff"

WORKFLOW_TYPES: Final[dict[Kind, str]] = {"enrolment": ENROLMENT, "handoff": HANDOFF}
