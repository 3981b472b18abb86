"""Bugs in what the machine has room for."""

from __future__ import annotations

from tests.mutants.mutant import ADMISSION, ROOM, Mutant

_WORLDS = f"{ROOM}::test_an_over_committed_host"

ADMITTING = (
    Mutant(
        "what is granted in a pass does not count in it",
        "decide/budget.py",
        "self._total = add((minus(self._total, before.amount), now.amount))",
        "pass",
        (f"{ADMISSION}::test_only_what_fits_starts", _WORLDS),
    ),
    Mutant(
        "room is given in the order of the graph",
        "decide/stack.py",
        "asks=name not in self._tried",
        "asks=False",
        (f"{ADMISSION}::test_priority_goes_first_whatever_the_order", _WORLDS),
    ),
    Mutant(
        "who waited before is not tried again when somebody has gone",
        "decide/stack.py",
        "again = self.budget.released or not self.world.short <= self.short",
        "again = False",
        (f"{ADMISSION}::test_it_starts_when_somebody_has_gone", _WORLDS),
    ),
    Mutant(
        "what falls over loses its place",
        "decide/demand.py",
        "min(before.places, _keeps(want, decision))",
        "min(0, _keeps(want, decision))",
        (f"{ADMISSION}::test_the_place_of_one_that_makes_way_is_not_taken_by_others",),
    ),
    Mutant(
        "small ones take for ever what the larger one waits for",
        "decide/stack.py",
        "for other in first if self.budget.is_hopeful(other)",
        "for other in first if False",
        (f"{ADMISSION}::test_what_ends_by_itself_is_left_to_the_higher_priority",),
    ),
    Mutant(
        "one that serves is stopped for one that has no room",
        "decide/rollout.py",
        "if (short := find_no_room(case, parts)) is not None:",
        "if (short := find_no_room(case, parts)) is not None and False:",
        (f"{ADMISSION}::test_none_is_stopped_that_could_not_start_again",),
    ),
    Mutant(
        "an old one that is put up again is counted as what is wanted now",
        "decide/admission.py",
        "asked = leeway.others.get(step.replica, leeway.asked)",
        "asked = leeway.asked",
        (_WORLDS,),
    ),
    Mutant(
        "what is used beyond what was reserved does not count",
        "decide/demand.py",
        "max(asked.memory, scales.used.get(replica.id, 0))",
        "asked.memory",
        (f"{ADMISSION}::test_what_runs_is_counted_with_what_it_was_promised_or_uses",),
    ),
)
