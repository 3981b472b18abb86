"""Bugs in what probes say and in what a hand changed."""

from __future__ import annotations

from tests.mutants.mutant import DRAIN, HEAL, MEND, PASS, VERDICTS, Mutant

PROBED = "tests/component/test_loop_probed.py"
IN_VAIN = "test_who_is_sick_because_of_what_it_needs_is_not_restarted_in_vain"

MENDING = (
    Mutant(
        "one that is alive is restarted for not being ready",
        "decide/heal.py",
        "if replica.alive is not Health.NONE:",
        "if False:",
        (
            f"{HEAL}::test_a_replica_gets_what_its_phase_asks_for",
            f"{VERDICTS}::test_readiness_takes_the_traffic_and_liveness_the_life",
        ),
    ),
    Mutant(
        "who is sick because of what it needs is restarted in vain",
        "decide/heal.py",
        "if (sick := sick_need(case)) is not None:",
        "if (sick := sick_need(case)) is not None and not sick:",
        (f"{HEAL}::test_a_replica_gets_what_its_phase_asks_for", f"{PROBED}::{IN_VAIN}"),
    ),
    Mutant(
        "who is sick because of what it needs is restarted as soon as that is back",
        "decide/gates.py",
        "return since + span if since > begun and still_waits(since + span, span, case.now) else None",
        "return None",
        (f"{HEAL}::test_a_replica_gets_what_its_phase_asks_for", f"{PROBED}::{IN_VAIN}"),
    ),
    Mutant(
        "nobody wakes who waits for what serves again",
        "decide/stack.py",
        "return (offers.settled, offers.updated, offers.healthy, offers.completed, offers.tended)",
        "return (offers.settled, offers.updated)",
        (f"{PASS}::test_who_is_sick_beside_what_it_needs_is_looked_at_when_that_serves_again",),
    ),
    Mutant(
        "restarts by Docker are held against nobody",
        "decide/restart.py",
        "return by_docker if granted is None else max(granted.tries, by_docker)",
        "return 0 if granted is None else granted.tries",
        (f"{HEAL}::test_a_replica_gets_what_its_phase_asks_for",),
    ),
    Mutant(
        "a call that failed keeps the sick in the traffic",
        "decide/service.py",
        "if type(step).__name__ == failed or not isinstance(step, Route):",
        "if True:",
        (f"{DRAIN}::test_a_call_that_failed_keeps_no_sick_one_in_the_traffic",),
    ),
    Mutant(
        "for an update that cannot go on somebody is drained",
        "decide/service.py",
        "return not any(one.id == step.replica and is_ready(case, one) for one in case.seen.replicas)",
        "return True",
        (f"{DRAIN}::test_a_call_that_failed_keeps_no_sick_one_in_the_traffic",),
    ),
    Mutant(
        "one that is not alive counts as ready",
        "loop/verdicts.py",
        "return replace(judged, alive=dead, health=dead, ready_since=None, last_output=output)",
        "return replace(judged, alive=dead, last_output=output)",
        (
            f"{VERDICTS}::test_readiness_takes_the_traffic_and_liveness_the_life",
            f"{VERDICTS}::test_one_that_serves_and_is_not_alive_restarts",
        ),
    ),
    Mutant(
        "a pause makes a replica begin anew",
        "loop/verdicts.py",
        "_UP = (ReplicaPhase.RUNNING, ReplicaPhase.PAUSED)",
        "_UP = (ReplicaPhase.RUNNING,)",
        (f"{VERDICTS}::test_a_pause_takes_back_nothing_and_nobody_is_asked_in_it",),
    ),
    Mutant(
        "half a look ends what is watched",
        "loop/verdicts.py",
        "if view.complete:",
        "if True:",
        (f"{VERDICTS}::test_half_a_look_takes_back_nothing",),
    ),
    Mutant(
        "the old are asked by the probes of the new",
        "loop/verdicts.py",
        "made = made_from(replica, want, known)",
        "made = want",
        (f"{VERDICTS}::test_each_is_asked_by_the_probes_of_its_own_release",),
    ),
    Mutant(
        "who publishes its own ports is asked by the probes of the new",
        "loop/verdicts.py",
        "if revision == want.revision or (want.name, revision) in known:",
        "if True:",
        (f"{VERDICTS}::test_one_that_keeps_its_own_ports_is_asked_as_its_release_behind_the_ingress",),
    ),
    Mutant(
        "a controller that comes back doubts who serves",
        "loop/verdicts.py",
        "if (replica.started_at or 0.0) < since}",
        "if False}",
        (f"{VERDICTS}::test_after_a_restart_of_ours_who_serves_has_begun_whatever_its_startup_probe_says_by_now",),
    ),
    Mutant(
        "what is only to be told is set back",
        "decide/mend.py",
        "if one.in_place and one.path not in ours and repairs(want, one.path)]",
        "if one.in_place and one.path not in ours]",
        (f"{MEND}::test_mending",),
    ),
    Mutant(
        "a limit that cannot be set back is tried in vain",
        "decide/mend.py",
        "if one.in_place and one.path not in ours and repairs(want, one.path)]",
        "if one.path not in ours and repairs(want, one.path)]",
        (f"{MEND}::test_mending",),
    ),
    Mutant(
        "a young replica is replaced for what a hand set",
        "decide/case.py",
        "return case.now - replica.created_at >= SPOILT_AFTER and is_beyond_repair(replica, case.want)",
        "return is_beyond_repair(replica, case.want)",
        (f"{MEND}::test_mending",),
    ),
    Mutant(
        "one mend that fails holds up the others",
        "decide/mend.py",
        "first = case.seen.trouble.count % len(steps) if case.seen.trouble is not None else 0",
        "first = 0",
        (f"{MEND}::test_mending",),
    ),
)
