"""What must hold at every pass, at every step and at the end, told independently of how it is decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from controller.decide.rehearsal import rehearse
from controller.decide.restart import FORGIVEN_AFTER
from controller.decide.stack import decide_stack
from controller.decide.world import World, make_world
from controller.engines.simulated_world import Simulation
from controller.model.decision import Decision, History
from controller.model.desired import Condition, DesiredService, FailureAction, Leaving, Order, StartupMode, UpdatePolicy
from controller.model.observed import Health, Replica, ReplicaPhase, ServiceView
from controller.model.phases import Phase
from controller.model.steps import Create, Remove, Restart, Start, Stop
from tests.property.ends import has_failed, is_halted, revision_for, revisions, waits_for_good

if TYPE_CHECKING:
    from tests.property.play import Play

LIVE = (ReplicaPhase.RUNNING, ReplicaPhase.PAUSED, ReplicaPhase.RESTARTING)
HAIR = 1e-6
ROUNDS, ROUND = 100, 60.0
"""How often, and how many seconds apart, a stack at rest is looked at again."""


class Rules:
    """`calm`: nothing happens from outside and nothing fails, so that more can be asked.

    `lied_to`: looks are older than they say, so that one replica too many may be made and taken away again.
    `may_halt`: calls failed, or looks lied, so that a way back may have been barred as well.
    """

    def __init__(self, play: Play) -> None:
        self.play = play
        self.calm = False
        self.lied_to = False
        self.may_halt = False

    # --- of every pass

    def check_pass(self, dirty: Iterable[str], decisions: Mapping[str, Decision]) -> None:
        again = decide_stack(tuple(reversed(tuple(dirty))), _reversed(self.play.world), self.play.now)
        assert again == decisions, "the same input in another order gave another decision"
        for decision in decisions.values():
            self._check_failures(decision)
            assert decision.wake_at is None or decision.wake_at > self.play.now, f"{decision} wakes in the past"
            assert decision.service not in self.play.world.busy
            assert self.play.world.views[decision.service].complete
        if self.calm:
            self._check_slots(decisions)

    def _check_failures(self, decision: Decision) -> None:
        """What is recorded is not acted on in the same pass; and nothing is called a failure that has none."""
        before = self.play.world.histories.get(decision.service, History()).failed
        if not decision.history.failed.keys() - before.keys():
            return
        assert not decision.steps, f"{decision.service} acts on a failure that is not written down yet"
        assert not self.calm, f"{decision.service} is said to have failed: {decision.history.failed}"

    def _check_slots(self, decisions: Mapping[str, Decision]) -> None:
        policy = self.play.world.desired.policy
        limit = 1 if policy.mode is StartupMode.SEQUENTIAL else policy.max_parallel
        after = {**self.play.world.decisions, **decisions}
        starting = sorted(name for name, decision in after.items() if decision.phase is Phase.STARTING)
        assert limit is None or len(starting) <= limit, f"{starting} start at once"

    # --- of every decision that acts

    def check_steps(self, decision: Decision) -> None:
        self._check_right(decision)
        ends = [step for step in decision.steps if isinstance(step, Stop | Remove)]
        creates = [step for step in decision.steps if isinstance(step, Create)]
        assert not (ends and creates), f"a create beside a stop or remove: {decision.steps}"
        view = self.play.world.views[decision.service]
        by_id = {replica.id: replica for replica in view.replicas}
        for step in decision.steps:
            match step:
                case Start():
                    self._check_start(decision, by_id[step.replica])
                case Restart():
                    self._check_pause(decision, by_id[step.replica], step.because)
                case Stop():
                    self._check_stop(decision, step.because)
                    self._check_withdrawn(by_id[step.replica])
                case _:
                    pass
        self._check_floor(decision, view)
        self._check_quarantine(decision)

    def _check_right(self, decision: Decision) -> None:
        """Nothing is done where a person or a hold forbids it, nor to containers that are not the service's own."""
        world = self.play.world
        history = world.histories.get(decision.service, History())
        assert not history.paused and world.hold is None, f"{decision.steps} although it is paused or held"
        assert world.desired.services[decision.service].leaving is not Leaving.ORPHANED, "an orphan is touched"
        mine = {replica.id for replica in world.views[decision.service].replicas}
        for step in decision.steps:
            assert step.service == decision.service
            assert getattr(step, "replica", None) in (None, *mine), f"{step} is about a stranger"

    def _check_start(self, decision: Decision, replica: Replica) -> None:
        if replica.phase is ReplicaPhase.PAUSED:
            return
        want = self.play.world.desired.services[decision.service]
        for name, need in want.needs.items():
            if need.required or name in self.play.world.desired.services:
                assert self._offers(name, need.condition), f"{want.name} starts before {name} is {need.condition}"
        self._check_pause(decision, replica, "")

    def _offers(self, name: str, condition: Condition) -> bool:
        """Read off the view, not off what was offered."""
        world = self.play.world
        want, view = world.desired.services[name], self.play.seen[name]
        history = world.histories.get(name, History())
        done = history.completed == want.revision or any(
            r.phase is ReplicaPhase.EXITED and r.exit_code == 0 and r.revision == want.revision for r in view.replicas
        )
        match condition:
            case Condition.COMPLETED:
                return done
            case Condition.STARTED:
                return done or any(replica.running for replica in view.replicas)
            case Condition.HEALTHY:
                return done or any(self.serves(want, replica) for replica in view.replicas)

    def _check_pause(self, decision: Decision, replica: Replica, because: str) -> None:
        """The n-th try comes not before the start of the last one + its delay."""
        grant = decision.history.restarts.get(replica.id)
        put_down = decision.history.put_down.get(replica.id) == replica.started_at
        if replica.phase is ReplicaPhase.CREATED or put_down or "was replaced" in because or "was restarted" in because:
            return
        assert grant is not None, f"{replica.name} is put up again and nobody counts"
        before = self.play.world.histories.get(decision.service)
        known = None if before is None else before.restarts.get(replica.id)
        assert known is None or grant.tries >= known.tries
        want = self.play.world.desired.services[decision.service]
        pause = want.backoff.delay(grant.tries - 1)
        begun = replica.started_at or 0.0
        early = self.play.now < begun + pause - HAIR and not self.play.is_from_before(begun)
        assert not early, f"try {grant.tries} comes too soon"

    def _check_stop(self, decision: Decision, because: str) -> None:
        if not because.startswith(("the service is to be stopped", "not part of")):
            return
        world = self.play.world
        for name in world.graph.dependents[decision.service]:
            leaving = world.desired.services[name].leaving
            goes = leaving is not Leaving.ORPHANED and (leaving or world.histories.get(name, History()).stopped)
            live = [r for r in self.play.seen.get(name, ServiceView()).replicas if r.phase in LIVE]
            assert not (goes and live), f"{decision.service} stops before {name}"

    def _check_withdrawn(self, replica: Replica) -> None:
        """Who serves is out of its names for as long as was asked for."""
        want = self.play.world.desired.services[replica.service]
        stopped = want.leaving is not None or self.play.world.histories.get(want.name, History()).stopped
        if not want.pre_stop_delay or stopped or not self.serves(want, replica):
            return
        since = replica.withdrawn_since
        assert since is not None, f"{replica.name} is stopped while it is found by its name"
        assert self.play.now >= since + want.pre_stop_delay - HAIR, f"{replica.name} is stopped too soon"

    def _check_floor(self, decision: Decision, view: ServiceView) -> None:
        """Nobody is let go who serves and is needed, whatever the reason, except where the service is to stop."""
        want = self.play.world.desired.services[decision.service]
        stopped = want.leaving is not None or self.play.world.histories.get(want.name, History()).stopped
        if stopped or want.is_job:
            return
        going = {step.replica for step in decision.steps if isinstance(step, Stop)}
        serving = [replica for replica in view.replicas if self.serves(want, replica)]
        lost = [replica for replica in serving if replica.id in going]
        policy = self._policy(want)
        floor = floor_of(want, policy) - len(self._let_pass(want, policy) - {replica.id for replica in serving})
        assert not lost or len(serving) - len(lost) >= floor, f"{want.name}: {len(lost)} of {len(serving)} go"

    def _policy(self, want: DesiredService) -> UpdatePolicy:
        """The one in force: on its way back it is another."""
        goes_back = revision_for(self.play.world, want.name) != want.revision
        return want.rollback if goes_back else want.update

    def _let_pass(self, want: DesiredService, policy: UpdatePolicy) -> set[str]:
        """Those that failed and count as done: the policy lets some fail."""
        attempt = self.play.world.histories.get(want.name, History()).attempt
        lenient = policy.failure_action is FailureAction.CONTINUE or policy.max_failure_ratio > 0
        return {life[0] for life in attempt.failures} if attempt is not None and lenient else set()

    def _check_quarantine(self, decision: Decision) -> None:
        """What failed is not made again, but where all is to stay as it is and one is missing."""
        world, want = self.play.world, self.play.world.desired.services[decision.service]
        history = world.histories.get(decision.service, History())
        if not has_failed(want, history) or is_halted(world, decision.service):
            return
        made = {step.revision for step in decision.steps if isinstance(step, Create)}
        assert not made & revisions(history.failed), f"{want.name}: {made} failed, and is tried again"

    # --- of the world

    def check_surge(self, decision: Decision) -> None:
        """Never more than wanted and the surge: asked where containers were created, of what is really there."""
        name = decision.service
        want = self.play.world.desired.services[name]
        records = list(self.play.simulation.containers.of(name))
        mine = [r for r in records if r.base.revision == want.revision and r.phase is not ReplicaPhase.REMOVING]
        made_now = any(isinstance(step, Create) for step in decision.steps)
        others = [r for r in records if r.base.revision != want.revision and r.up]
        if made_now and want.leaving is None and not self.lied_to:
            assert len(mine) + len(others) <= cap_of(want, self._policy(want)), (
                f"{name}: {len(mine)} new and {len(others)} old"
            )

    def serves(self, want: DesiredService, replica: Replica) -> bool:
        if not replica.running:
            return False
        if replica.health is Health.NONE:
            begun = replica.started_at or 0.0
            return self.play.now >= begun + want.settle - HAIR or self.play.is_from_before(begun)
        return replica.health is Health.HEALTHY

    def serving(self, name: str) -> int:
        """How many serve right now, whatever the controller knows."""
        want = self.play.world.desired.services[name]
        return sum(1 for r in self.play.simulation.view(name, self.play.now).replicas if self.serves(want, r))

    # --- of the end

    def check_goal(self) -> None:
        """Every wanted replica is there, right and serving, and nothing else; and nobody wants to do anything."""
        world = self.play.world
        self.check_services(world.desired.services)
        views = {name: self.play.simulation.view(name, self.play.now) for name in world.desired.services}
        world.views.update(views)
        world.busy.clear()
        self._check_rest()

    def _check_rest(self) -> None:
        """In a hundred rounds nothing is done, nor written once tries have been forgiven; nor is any planned."""
        play, world = self.play, self.play.world
        for turn in range(ROUNDS):
            at = play.now + turn * ROUND
            decisions = decide_stack(world.desired.services, world, at)
            acting = {name: decision.steps for name, decision in decisions.items() if decision.steps}
            assert not acting, f"at rest, and yet: {acting}"
            news = [name for name, d in decisions.items() if world.histories.get(name, History()) != d.history]
            assert not news or turn * ROUND <= FORGIVEN_AFTER, f"at rest, and yet there is news of {news}"
            world.absorb(decisions)
        fresh = make_world(world.desired)
        fresh.known, fresh.settled = world.known, world.settled
        for name, history in world.histories.items():
            fresh.remember(name, history)
        views = {name: world.views[name] for name in world.desired.services}
        plan = rehearse(fresh, Simulation(world.desired, views, play.simulation.containers.timings, at), at)
        assert not plan.steps, f"at rest, and yet planned: {plan.steps}"

    def check_services(self, names: Iterable[str]) -> None:
        world = self.play.world
        for name in names:
            self._check_service(world.desired.services[name], world.histories.get(name, History()))

    def _check_service(self, want: DesiredService, history: History) -> None:
        world = self.play.world
        replicas = self.play.simulation.view(want.name, self.play.now).replicas
        live = [replica for replica in replicas if replica.phase in LIVE]
        story = [(r.number, str(r.revision), str(r.phase), str(r.health)) for r in replicas]
        if history.paused or want.leaving is Leaving.ORPHANED:
            return
        if want.leaving is not None or history.stopped:
            assert not live, f"{want.name} is to have nothing running: {story}"
            assert want.leaving is not Leaving.REMOVED or not replicas, f"{want.name} is to be gone: {story}"
        elif want.is_job:
            assert history.completed == want.revision, f"{want.name} has not completed: {story}"
            # A second container that somebody paused is none of a finished job's business.
            assert not [replica for replica in live if replica.running], f"{want.name} runs on: {story}"
        elif history.completed != want.revision:
            wanted = revision_for(world, want.name)
            right = [r for r in replicas if r.revision == wanted and self.serves(want, r)]
            if self.may_halt and is_halted(world, want.name):
                well = all(self.serves(want, replica) for replica in replicas)
                assert well and len(replicas) >= want.replicas, f"{want.name} is halted, and not kept in shape: {story}"
                return
            if len(right) < want.replicas and waits_for_good(world, want.name):  # also in mid-update
                right = [r for r in replicas if self.serves(want, r)]
            assert len(right) == len(replicas) == want.replicas, f"{want.name} wants {want.replicas}: {story}"


def _reversed(world: World) -> World:
    """The same world, listed the other way round."""
    views = {
        name: replace(view, replicas=tuple(reversed(view.replicas))) for name, view in reversed(world.views.items())
    }
    return replace(world, views=views)


def floor_of(want: DesiredService, policy: UpdatePolicy | None = None) -> int:
    """How many have to serve while some are replaced; `policy`: the one in force, where it is not the update's."""
    policy = policy or want.update
    at_once = policy.parallelism or max(1, want.replicas)
    return want.replicas if policy.order is Order.START_FIRST else max(0, want.replicas - at_once)


def cap_of(want: DesiredService, policy: UpdatePolicy) -> int:
    at_once = policy.parallelism or max(1, want.replicas)
    return want.replicas + (at_once if policy.order is Order.START_FIRST else 0)
