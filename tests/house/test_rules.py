"""Every rule of the page has a witness in each language that follows it; no witness speaks of a rule that is not there.

Refuses to know what the rules say. A rule is cited by its id: in the name of a test, in a vector's `rule` or `story`,
or in a comment inside a test. A vector counts for a language whose tests run its file; what stands above the first test
of a file says what it is about and witnesses nothing.

Example: a new rule `CE7` in `sync/SPEC.md` fails here twice, until a vector or a test in each language names it.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = (ROOT / "sync/SPEC.md").read_text(encoding="utf-8")
RULES = re.findall(r"^- \*\*([A-Z]{2}\d+)\*\*", SPEC, re.MULTILINE)
SECTIONS = frozenset(rule[:2] for rule in RULES)
# Rules that a device cannot break: only the centre does what they speak of.
JUDGING = [
    "CS6",
    "ST3",
    "RL1",
    "RL2",
    "RL5",
    "RL7",
    "RL8",
    "FK2",
    *(f"AU{at}" for at in range(1, 8)),
]
LISTING_AND_SIGNING = [
    "SC3",
    "SC4",
    "FK8",
    "TL7",
    "TM12",
    "TM13",
    "CK8",
    "VD9",
    "BU7",
    "BU9",
    "HB1",
    "HB7",
    "HB9",
    "HB10",
    "HB11",
    "HB12",
    "HB13",
    "HB14",
]
OF_THE_CENTRE = frozenset([*JUDGING, *LISTING_AND_SIGNING])
OF_BOTH = [rule for rule in RULES if rule not in OF_THE_CENTRE]

VECTORS = ROOT / "tests/vectors"
PYTHON = ("tests/sync",)
TYPESCRIPT = ("pwa/tests/sync", "pwa/tests/device", "pwa/tests/codes")

SERVER = "tests/server/"
DEVICE = "pwa/tests/device/"
# Rules that only a whole centre or a whole device can keep: where a test tells of each, and in which words.
TOLD_OF_THE_CENTRE = {
    "SC5": ("tests/fleet/test_device.py", "sc5_who_goes_to_another_station_forgets"),
    "EX12": (SERVER + "test_sync_api.py", "it is told what becomes of it"),
    "HB1": (SERVER + "test_station_enrolled.py", "hb1_a_station_speaks_for_whom_it_may"),
    "HB2": (SERVER + "test_station_laws.py", "hb2_in_the_end_a_station_is_as_its_centre"),
    "HB3": (SERVER + "test_station.py", "hb3_what_the_centre_rules_otherwise_is_told"),
    "HB15": (SERVER + "test_station_phones.py", "hb15_what_only_a_station_says_to_be_safe_is_kept"),
    "HB4": (SERVER + "test_station_phones.py", "hb4_what_a_station_keeps_is_owed_until"),
    "HB6": (DEVICE + "stations.test.ts", "its own go when it names them no more"),
    "HB8": (SERVER + "test_station.py", "hb8_what_only_the_centre_rules_is_refused"),
    "HB5": (SERVER + "test_station_clock.py", "hb5_the_time_is_the_centres_to_within"),
    "HB7": (SERVER + "test_upstream.py", "hb7_what_was_said_while_the_line_was_down"),
    "HB9": (SERVER + "test_upstream.py", "hb9_a_station_takes_the_steps_of_the_plan_only"),
    "HB10": (SERVER + "test_upstream.py", "hb10_the_centre_hears_of_a_phone_through"),
    "HB11": (SERVER + "test_receipts.py", "hb11_a_station_gives_its_word_once"),
    "HB12": (SERVER + "test_upstream.py", "hb12_books_that_are_wrong_are_found_at_the_start"),
    "HB13": (SERVER + "test_station_couriers.py", "hb13_a_township_without_a_line_is_confirmed"),
    "HB14": (SERVER + "test_station_moves.py", "hb14_what_a_roaming_phone_leaves"),
    "SC6": (SERVER + "test_moves.py", "sc6_a_transfer_is_one_ruling_that_is_the_last_word"),
    "RL5": (SERVER + "test_sync_api.py", "an_end_in_the_middle_of_a_storm_loses_nothing"),
    "BU7": (SERVER + "test_bundles.py", "bu7_a_phone_that_was_never_heard_is_taken_in"),
    "BU10": ("pwa/tests/codes/frames.test.ts", "whatever comes in between"),
    "BU9": (SERVER + "test_bundles.py", "bu9_what_is_sealed_to_the_centre"),
    "RL9": (SERVER + "test_reviews.py", "a_question_goes_to_its_author_and_the_answer_comes_back"),
    "RD3": (SERVER + "test_redaction.py", "no_file_of_the_centre_has_them"),
    "SN3": (SERVER + "test_snapshots.py", "who_begins_or_was_away_long_is_offered_one_file"),
    "SC1": (SERVER + "test_intake.py", 'HOME = f"station:{STATION.hex()}:2026-11"'),
    "SC3": (SERVER + "test_intake.py", "an_order_to_another_station_brings_the_whole_story"),
    "SC4": (SERVER + "test_intake.py", "two_sets_at_one_place_of_a_chain_are_both_kept"),
    "EX1": (SERVER + "test_intake.py", "every_kind_of_bad_set_is_answered_by_itself"),
    "EX2": (SERVER + "test_sync_api.py", "what_was_committed_before_a_kill_is_a_duplicate"),
    "EX3": (DEVICE + "outbox.test.ts", "what the command centre waits for goes first"),
    "EX4": (DEVICE + "replica.test.ts", "lines that do not add up are not believed"),
    "EX5": (DEVICE + "replica.test.ts", "a new epoch drops the scope's lines"),
    "EX6": (SERVER + "test_sync_api.py", "a_request_that_cannot_be_read_is_told_why"),
    "FK2": (SERVER + "test_forks.py", "a_fork_is_proven_once_and_everything_from_there_on"),
    "FK5": (SERVER + "test_forks.py", "the_second_instance_is_told_to_enrol_again"),
    "FK6": (SERVER + "test_forks.py", "its_unsent_sets_come_with_the_new_one"),
    "FK8": (SERVER + "test_forks.py", "the_desk_reads_what_befell_a_device"),
    "FK9": (DEVICE + "boot.test.ts", "start after start, all places agree"),
    "EX7": (SERVER + "test_enrol.py", "a_code_works_once_and_its_own_phone_may_ask_again"),
    "EX8": (SERVER + "test_sync_api.py", "a_small_budget_is_served_in_dense_pages"),
    "EX9": (SERVER + "test_sync_api.py", "a_revoked_phone_may_push_and_nothing_else"),
    "EX10": (SERVER + "test_sync_api.py", "an_exchange_of_another_version_is_refused"),
    "EX11": (
        "tests/fleet/test_replayed.py",
        "an_old_refusal_of_a_chain_that_was_left_is_not_said_of_the_next",
    ),
    "EX14": (SERVER + "test_evil_relay.py", "whatever_a_relay_does_ends_where_the_phone_meets"),
    "TM12": (SERVER + "test_times.py", "a_set_was_signed_after_it_was_given"),
    "CK8": (SERVER + "test_callback.py", "a_rate_is_good_over_reached_and_never_more_than_all"),
    "VD9": (SERVER + "test_verdicts.py", "what_is_determined_stays_until_what_it_rests_on"),
    "TL12": (SERVER + "test_backup.py", "what_a_desk_said_after_the_copy_and_others_bring"),
    "TL11": (
        "tests/fleet/test_device.py",
        "tl11_what_was_safe_in_another_log_is_offered_again",
    ),
    "TL7": (SERVER + "test_proof_refused.py", "a_restored_older_database_is_not_signed"),
}
# Device rules whose test does not name them, most of them since it is one run of both languages or of a whole phone.
TOLD_OF_THE_DEVICE = {
    "DL4": ("tests/sync/test_cross_language.py", "same_bytes_countdowns_and_steps"),
    "FK4": (DEVICE + "leaving.test.ts", "the phone leaves its chain and hands in what waited"),
    "FK5": (DEVICE + "leaving.test.ts", "the place is asked for again until it is given"),
    "FK6": (DEVICE + "leaving.test.ts", "whose place is taken hands in the old chain's sets"),
    "FK9": (DEVICE + "boot.test.ts", "start after start, all places agree"),
}


def cited_in(text: str) -> set[str]:
    """Ids that look like rules: `CE6` anywhere, `ce6` in the name of a Python test."""
    names = " ".join(re.findall(r"def (test_\w+)", text)).replace("_", " ").upper()
    looks = rf"(?<![A-Za-z0-9])(?:{'|'.join(SECTIONS)})\d+(?![A-Za-z0-9])"
    return set(re.findall(looks, text)) | set(re.findall(looks, names))


def first_test(text: str) -> int:
    """Where the first test of a file begins; files without one tell nothing."""
    found = re.search(
        r"^\s*(?:async def test_|def test_|@pytest|@given|(?:test|it|describe)\b)",
        text,
        re.MULTILINE,
    )
    return len(text) if found is None else found.start()


def texts_of(rooms: tuple[str, ...]) -> list[str]:
    """The text of every test of these rooms."""
    files = [path for room in rooms for path in sorted((ROOT / room).rglob("*"))]
    return [path.read_text(encoding="utf-8") for path in files if path.suffix in (".py", ".ts")]


def cited_by(rooms: tuple[str, ...]) -> set[str]:
    """What the tests of these rooms cite, and the vectors they run."""
    tests = texts_of(rooms)
    witnesses = [text[first_test(text) :] for text in tests]
    run = [path for path in VECTORS.glob("*.json") if any(f'"{path.stem}"' in t for t in tests)]
    return set().union(
        *map(cited_in, witnesses + [path.read_text(encoding="utf-8") for path in run])
    )


def test_the_page_numbers_every_rule_once() -> None:
    assert len(RULES) == len(set(RULES)) > 60
    assert set(RULES) >= OF_THE_CENTRE
    for section in SECTIONS:
        of_section = [int(rule[2:]) for rule in RULES if rule.startswith(section)]
        assert of_section == list(range(1, len(of_section) + 1)), section


def test_every_rule_has_a_witness_in_python() -> None:
    told = cited_by(PYTHON) | TOLD_OF_THE_CENTRE.keys()
    assert [rule for rule in RULES if rule not in told] == []


def test_every_rule_that_a_device_follows_has_a_witness_in_typescript() -> None:
    told = cited_by(TYPESCRIPT) | TOLD_OF_THE_DEVICE.keys()
    assert [rule for rule in OF_BOTH if rule not in told] == []


@pytest.mark.parametrize("told", [TOLD_OF_THE_CENTRE, TOLD_OF_THE_DEVICE], ids=["centre", "device"])
def test_what_is_told_elsewhere_is_still_told_there(told: dict[str, tuple[str, str]]) -> None:
    missing = [
        f"{rule}: {place} no longer says '{words}'"
        for rule, (place, words) in told.items()
        if rule not in RULES or words not in (ROOT / place).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_no_witness_speaks_of_a_rule_that_is_not_on_the_page() -> None:
    rooms = ("tests/sync", "tests/server", "sync", "server", *TYPESCRIPT)
    code = texts_of((*rooms, "pwa/src/sync", "pwa/src/device", "pwa/src/codes"))
    spoken = set().union(*map(cited_in, code), cited_by(PYTHON))
    assert sorted(spoken - set(RULES)) == []
