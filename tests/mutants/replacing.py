"""Bugs in how old replicas make way for new ones."""

from __future__ import annotations

from tests.mutants.mutant import (
    ATTEMPT,
    COURSES,
    DRAIN,
    HELD_UP,
    IMAGES,
    NAMES,
    PURPOSE,
    RELEASES,
    ROLLOUT,
    TURNS,
    Mutant,
)

REPLACING = (
    Mutant(
        "the surge has no bound",
        "decide/rollout.py",
        "return min(missing, _parallelism(case) - in_flight, cap - (live + len(parts.fresh)))",
        "return missing",
        (f"{PURPOSE}::test_an_edit_with_a_scale_down_makes_nothing_new_before_there_is_room",),
    ),
    Mutant(
        "dependents are updated before what they depend on",
        "decide/rollout.py",
        "elif (waits_for := unmet_need(case) or unsettled_need(case)) is not None:",
        "elif (waits_for := unmet_need(case)) is not None:",
        (f"{PURPOSE}::test_dependents_are_updated_after_what_they_depend_on",),
    ),
    Mutant(
        "start-first begins in front of a shut gate",
        "decide/rollout.py",
        "    if parts.stale and not halted and not has_begun(case, parts) and (shut := _find_gate(case, parts)):\n"
        "        return shut\n",
        "",
        (f"{PURPOSE}::test_dependents_are_updated_after_what_they_depend_on",),
    ),
    Mutant(
        "a gate that shuts stops a batch that has begun",
        "decide/rollout.py",
        "    if not has_begun(case, parts) and (shut := _find_gate(case, parts)):",
        "    if shut := _find_gate(case, parts):",
        (f"{ROLLOUT}::test_replacing",),
    ),
    Mutant(
        "a serving replica is stopped before its successor has a slot",
        "decide/rollout.py",
        "if not case.may_begin and parts.stale_serve:",
        "if False:",
        (f"{PURPOSE}::test_a_serving_replica_is_not_stopped_before_its_successor_has_a_slot",),
    ),
    Mutant(
        "serving old replicas leave before those that do not serve",
        "decide/rollout.py",
        "in_order = sorted(live, key=lambda r: (serves(case, r), r.number))[:allowed]",
        "in_order = sorted(live, key=lambda r: r.number)[:allowed]",
        (f"{PURPOSE}::test_unready_old_replicas_are_replaced_first_and_cost_no_serving_one",),
    ),
    Mutant(
        "old replicas leave for new ones that do not serve yet",
        "decide/rollout.py",
        "max(0, min(done + len(live) - floor, at_once))",
        "max(0, min(len(parts.fresh) + len(live) - floor, at_once))",
        (
            f"{ATTEMPT}::test_a_new_replica_is_watched_before_the_next_batch_unless_the_policy_says_otherwise",
            f"{RELEASES}::test_a_release_that_dies_while_it_is_watched_costs_no_serving_one",
        ),
    ),
    Mutant(
        "a new replica that is about to follow its dependency takes somebody's place",
        "decide/rollout.py",
        "return is_done(case, replica) and serves(case, replica) and follow(case, replica) is NONE",
        "return is_done(case, replica) and serves(case, replica)",
        (f"{PURPOSE}::test_a_new_replica_that_is_about_to_follow_its_dependency_takes_nobodys_place_yet",),
    ),
    Mutant(
        "serving replicas are the surplus",
        "decide/rollout.py",
        "key=lambda r: (is_ready(case, r), -r.number))[:excess]",
        "key=lambda r: (not is_ready(case, r), -r.number))[:excess]",
        (ROLLOUT,),
    ),
    Mutant(
        "the old replica is stopped before the image is here",
        "decide/rollout.py",
        "    if image := fetch_image(case):\n        return image\n    if not has_begun",
        "    if not has_begun",
        (IMAGES,),
    ),
    Mutant(
        "an old replica that was merely lost passes the gate",
        "decide/batch.py",
        "return bool(attempt.gone - ids(_alive(parts)))",
        "return True",
        (f"{HELD_UP}::test_behind_a_dependency_in_quarantine_nothing_is_replaced_and_all_is_healed",),
    ),
    Mutant(
        "a halt by a person hides what does not serve",
        "decide/phase.py",
        "    if parts.stale and serving >= case.want.replicas:",
        "    if parts.stale:",
        (f"{COURSES}::test_a_halt_by_a_person_hides_nothing_that_does_not_serve",),
    ),
    Mutant(
        "all followers restart at once",
        "decide/turns.py",
        "return ids(serving[max(0, at_once - away) :])",
        "return frozenset()",
        (f"{TURNS}::test_followers_restart_one_after_another_and_drained",),
    ),
    Mutant(
        "the only one that could serve is watched before it has traffic",
        "decide/drain.py",
        "watches = case.history.updating and _is_served(case, parts)",
        "watches = case.history.updating",
        (f"{DRAIN}::test_traffic_and_leaving",),
    ),
    Mutant(
        "an old one that was let go is put up again in front of a shut gate",
        "decide/service.py",
        "replica.phase in ALIVE or not enough",
        "True",
        (f"{HELD_UP}::test_behind_a_dependency_in_quarantine_nothing_is_replaced_and_all_is_healed",),
    ),
    Mutant(
        "who has lost its names is stopped at once",
        "decide/names.py",
        "return until if still_waits(until, case.want.pre_stop_delay, case.now) else None",
        "return None",
        (f"{NAMES}::test_names_and_leaving",),
    ),
    Mutant(
        "who leaves gets its names back while it is waited for",
        "decide/service.py",
        "mend(case, parts, leaves)",
        "mend(case, parts)",
        (f"{NAMES}::test_names_and_leaving",),
    ),
)
