"""Bugs in what the machine has room for."""

from __future__ import annotations

from tests.mutants.mutant import ADMISSION, ROOM, Mutant

_WORLDS = f"{ROOM}::test_an_over_committed_host"

ADMITTING = (
    Mutant(
        "what is granted in a pass does not count in it",
        "decide/budget.py",
        "if self._tracks:\n            self._see(decision.service, decision)",
        "pass",
        (f"{ADMISSION}::test_only_what_fits_starts", _WORLDS),
    ),
    Mutant(
        "room is given in the order of the graph",
        "decide/stack.py",
        "if want.name not in self._tried:",
        "if False:",
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
        "if (claim := self.budget.claim(other, decision)) is not None:",
        "if (claim := self.budget.claim(other, decision)) is not None and False:",
        (f"{ADMISSION}::test_what_ends_by_itself_is_left_to_the_higher_priority",),
    ),
    Mutant(
        "room is not left to what is being made",
        "decide/stack.py",
        "for other in self.short | self.budget.coming if",
        "for other in self.short if",
        (f"{ADMISSION}::test_room_is_left_to_the_higher_priority_that_is_being_made", _WORLDS),
    ),
    Mutant(
        "what was left to one that could not be made is lost",
        "decide/budget.py",
        " or now.coming < before.coming",
        "",
        (f"{ADMISSION}::test_what_was_left_to_one_that_could_not_be_made_is_free_again",),
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
        (f"{ADMISSION}::test_an_old_one_that_is_put_up_again_is_weighed_as_what_it_is",),
    ),
    Mutant(
        "what is used beyond what was reserved does not count",
        "decide/demand.py",
        "max(asked.memory, scales.used.get(replica.id, 0))",
        "asked.memory",
        (f"{ADMISSION}::test_what_runs_is_counted_with_what_it_was_promised_or_uses",),
    ),
    Mutant(
        "what is kept for one that fell over keeps another one from its own place",
        "decide/budget.py",
        "left = at_least(minus(free, add(ahead.values())), at_most(own, there))",
        "left = at_least(minus(free, add(ahead.values())), at_most(free, own))",
        (f"{ADMISSION}::test_several_that_fell_over_at_once_start_as_far_as_there_is_room", _WORLDS),
    ),
    Mutant(
        "a way back is weighed as what it comes from",
        "decide/stack.py",
        "leeway = self._leeway(aimed.want)",
        "leeway = self._leeway(world.desired.services[name])",
        (f"{ADMISSION}::test_a_way_back_is_weighed_as_what_it_leads_to",),
    ),
    Mutant(
        "more are stopped at once than can start again",
        "decide/admission.py",
        "    return swaps, tell_short(case.leeway)",
        "    return allowed, None",
        (f"{ADMISSION}::test_no_more_are_stopped_at_once_than_can_start_again",),
    ),
    Mutant(
        "what an update makes is not weighed",
        "decide/admission.py",
        "barred, leeway = _find_barred(case.leeway, (*starts, *grown))",
        "barred, leeway = _find_barred(case.leeway, starts)",
        (f"{ADMISSION}::test_no_more_are_made_at_once_than_can_start",),
    ),
)
