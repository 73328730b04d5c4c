"""The closed sets of the incident's language, as SPEC IN lists them."""

from __future__ import annotations

from typing import Final

SOURCES: Final = frozenset({"import", "desk", "self", "video"})
ENTRY_KINDS: Final = frozenset({"note", "delay_reason", "nudge", "call", "handover", "answer"})
MILESTONES: Final = ("delivered", "signed", "departed", "arrived", "cleared", "feedback")
VIAS: Final = frozenset({"self", "system", "radio", "phone", "import"})
TARGETS: Final = frozenset({"unit", "person", "vehicle"})
ORDER_KINDS: Final = frozenset({"dispatch", "backup", "advisory"})
LINK_KINDS: Final = frozenset({"duplicate_call"})
VERDICTS: Final = frozenset({"pass", "return"})
FAULTS: Final = (
    "result_missing",
    "nature_wrong",
    "step_missing",
    "time_unclear",
    "narrative_unclear",
    "people_missing",
    "evidence_missing",
    "counts_wrong",
    "late_unexplained",
    "handover_missing",
    "other",
)
"""What can be wrong with feedback, in the order a checklist shows it (SPEC FB2)."""
DELAY_REPLIES: Final = frozenset({"accepted", "sent_others", "told_caller", "not_accepted"})
CLOCKS: Final = ("C1", "C2", "C2i", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10")
FINDINGS: Final = ("met", "missed", "undetermined", "not_delivered")
"""What a person may find of a clock (VD8)."""
OUTCOMES: Final = frozenset(
    {"reached", "no_answer", "refused", "wrong_number", "no_phone", "anonymous"}
)
REASONS: Final = frozenset({"slow", "manner", "unfair", "unresolved", "untold", "other"})
"""Why a caller is not satisfied."""
RECTIFY_KINDS: Final = frozenset({"ordinary", "complex"})
SUPERVISE_RESULTS: Final = frozenset({"resolved", "unfounded", "referred"})
SET_FIELDS: Final = frozenset({"tags"})
LATEST_FIELDS: Final = frozenset({"colour"})

TEXT_FACTS: Final = frozenset(
    {
        "title",
        "category",
        "place",
        "caller_name",
        "caller_phone",
        "narrative",
        "source_no",
        "result",
        "nature",
        "seized",
    }
)
NUMBER_FACTS: Final = frozenset(
    {"level", "tier", "city_received_at", "city_issued_at", "casualties", "rescued"}
)
FACTS: Final = TEXT_FACTS | NUMBER_FACTS | {"point"}
COMMAND_FACTS: Final = frozenset({"level", "tier"})

ROAD: Final = ("delivered", "signed", "departed", "arrived", "cleared")
"""The milestones that make a status, in order; feedback is none of them (IN4)."""
ROAD_WITHOUT_ORDER: Final = ("arrived", "cleared")
"""Nobody delivers or signs an incident that its officer found; only these can be missing (IN5)."""

ROLES: Final = (
    "officer",
    "guard",
    "station",
    "dispatcher",
    "commander",
    "callback",
    "reviewer",
    "supervisor",
    "admin",
)
