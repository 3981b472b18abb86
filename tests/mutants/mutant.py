"""What a planted bug is, and the suites that are to catch them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands exactly once in `file` (below controller/). Each of `caught_by` alone has to fail with `new`."""

    bug: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]


HEAL = "tests/unit/decide/test_heal.py"
MEND = "tests/unit/decide/test_mend.py"
VERDICTS = "tests/component/test_verdicts.py"
ROLLOUT = "tests/unit/decide/test_rollout.py"
UPDATES = "tests/unit/decide/test_updates.py"
AIM = "tests/unit/decide/test_aim.py"
COURSES = "tests/unit/decide/test_courses.py"
ATTEMPT = "tests/unit/decide/test_attempt.py"
GOBACK = "tests/unit/decide/test_goback.py"
PASS = "tests/unit/decide/test_pass.py"
JOB = "tests/unit/decide/test_job.py"
LEAVE = "tests/unit/decide/test_leave.py"
SLOTS = "tests/unit/decide/test_slots.py"
IMAGES = "tests/unit/decide/test_images_and_calls.py"
DRAIN = "tests/unit/decide/test_drain.py"
NAMES = "tests/unit/decide/test_names.py"
HELD_UP = "tests/unit/decide/test_held_up.py"
TURNS = "tests/unit/decide/test_turns.py"
PURPOSE = "tests/property/test_updates_on_purpose.py"
RELEASES = "tests/property/test_releases_on_purpose.py"
ABSENCES = "tests/property/test_absences.py"
ADOPTED = "tests/property/test_adopted.py"
BACKOFF = "tests/property/test_backoff.py"
ADMISSION = "tests/unit/decide/test_admission.py"
ROOM = "tests/property/test_room.py"
POINTS = "tests/property/test_crash_points.py"
LEFTOVERS = "tests/unit/resources/test_cleanup.py"
SUPERSEDED = "tests/unit/resources/test_superseded.py"
CLEARING = "tests/unit/engines/test_clearing.py"
CLEANING = "tests/component/test_cleaning.py"
CLEANUP = "tests/property/test_cleanup.py"
