"""One look at a stack, made whole: what the engine shows, which revision each replica is, and what its probes say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from controller.decide.case import was_set_back
from controller.decide.identity import Known, name_revisions
from controller.decide.vanished import find_missing, refuse_lie
from controller.engines.base import Engine, Scope
from controller.health.prober import Prober
from controller.loop.lastwords import LastWords
from controller.loop.troubles import Troubles
from controller.loop.verdicts import Verdicts
from controller.model.desired import DesiredService, DesiredStack, PullPolicy
from controller.model.names import ImageId, Instant, Release, ReplicaId, Revision
from controller.model.observed import Observed, Replica, ReplicaPhase, ServiceView
from controller.model.steps import Outcome, Pull, Result, Row

_Since = Mapping[ReplicaId, Instant]


class Senses:
    """Looks at one stack. `known` names the revisions of replicas that are ours (the store's journal).

    `made`: what each of the kept revisions was made from. `quickest`: see `Verdicts`.
    """

    def __init__(
        self,
        engine: Engine,
        prober: Prober | None,
        known: Callable[[], Mapping[ReplicaId, Revision]],
        made: Callable[[], Known],
        now: Instant,
        quickest: Callable[[str], float] = lambda _: 0.0,
    ) -> None:
        self._engine = engine
        self._verdicts = Verdicts(prober, made, quickest) if prober is not None else None
        self._known = known
        self._words = LastWords(engine)
        self.since = now
        self._looked_at = now
        self.troubles = Troubles()
        self._pulled: dict[str, frozenset[str]] = {}
        self._unverified: set[Row] = set()
        self._nameless: dict[str, _Since] = {}
        """Replicas that nobody finds by name, by service, and since when."""
        self._going: dict[str, _Since] = {}
        """Replicas that are on their way out, by service, and since when that was seen."""
        self._there: Mapping[str, frozenset[ReplicaId]] | None = None

    def note(self, service: str, outcomes: Sequence[Outcome], now: Instant, release: Release | None = None) -> None:
        """A batch, which led to `release`, came to its end: what failed, and what was pulled."""
        self.troubles.note(service, outcomes, now, release)
        self.troubles.note_contest(service, outcomes, now)
        for outcome in outcomes:
            if isinstance(outcome.step, Pull) and outcome.result is Result.DONE:
                self._pulled[service] = self._pulled.get(service, frozenset()) | {outcome.step.image}
                self._unverified.discard((service, outcome.step.image))
            elif isinstance(outcome.step, Pull) and outcome.result is not Result.SKIPPED:
                self._unverified.add((service, outcome.step.image))

    def present(self, stack: str, names: Iterable[str]) -> Mapping[str, frozenset[ReplicaId]]:
        """The replicas that there are of these services at this moment. Raises EngineError."""
        found = self._engine.observe(Scope(stack)).services
        return {name: frozenset(r.id for r in found[name].replicas) if name in found else frozenset() for name in names}

    def lost(self, images: Collection[ImageId]) -> frozenset[ImageId]:
        """Those of them that are not here any more. Raises EngineErrors."""
        return self._engine.lost_images(images) if images else frozenset()

    def look(self, desired: DesiredStack, only: frozenset[str] | None) -> tuple[Observed, Mapping[str, ServiceView]]:
        """The observation, and a finished view of each service of the stack that was asked for. Raises EngineError."""
        services = desired.services
        scope = Scope(
            stack=desired.name,
            images={name: service.image for name, service in services.items() if service.image},
            templates={name: service.template for name, service in services.items()},
            only=only,
            exclusive={
                name: service.claims.exclusive for name, service in services.items() if service.claims.exclusive
            },
        )
        before = self._known() if self._there is None else ()
        observed = self._engine.observe(scope)
        if was_set_back(self._looked_at, observed.taken_at):
            self.since = observed.taken_at  # deadlines begin anew: how long we have watched is not known any more
        self._looked_at = observed.taken_at
        known = self._known()
        names = services.keys() if only is None else services.keys() & only
        seen = {name: observed.services.get(name) or ServiceView(taken_at=observed.taken_at) for name in sorted(names)}
        self._doubt({**observed.services, **seen}, before)  # before anything is forgotten of who is left out
        named = {name: name_revisions(view, services[name], known) for name, view in seen.items()}
        return observed, {name: self.finish(view, services[name], observed) for name, view in named.items()}

    def _doubt(self, views: Mapping[str, ServiceView], known: Collection[ReplicaId]) -> None:
        """Ask for each that is missing by its id before anything follows from that. Raises EngineErrors.

        `views`: also of services that nobody wants: `known` may be of any.
        """
        there = self._there or {}
        if missing := find_missing(there, views, known):
            refuse_lie(missing, self._engine.absent(missing))
        seen = {name: frozenset(r.id for r in view.replicas) for name, view in views.items() if view.complete}
        self._there = {**there, **seen}

    def finish(self, view: ServiceView, want: DesiredService, observed: Observed) -> ServiceView:
        """Add what only we know: since when we watch, failed calls, pulls, verdicts.

        An image that is here, by whatever hand, ends the trouble of getting it.
        """
        here = view.image_id is not None
        if here and want.pull is not PullPolicy.ALWAYS:
            self.troubles.forget_fetch(want.name, want.image)
            self._unverified.discard((want.name, want.image))
        replicas = self._with_withdrawals(view.replicas, want.name, observed.taken_at)
        replicas = self._with_removals(replicas, want.name, observed.taken_at)
        if self._verdicts is not None:
            given = replace(view, replicas=replicas, since=self.since)
            replicas = self._verdicts.add(given, want, observed.stack)
        return replace(
            view,
            replicas=tuple(self._words.add(replica, want.start_timeout, observed.taken_at) for replica in replicas),
            since=self.since,
            trouble=self.troubles.get(want.name),
            fetch_troubles=self.troubles.of_fetching(want.name),
            pulled=self._pulled.get(want.name, view.pulled),
            unverified=here and (want.name, want.image) in self._unverified,
        )

    def _with_withdrawals(self, replicas: tuple[Replica, ...], service: str, at: Instant) -> tuple[Replica, ...]:
        """The engine does not say since when."""
        since = _keep_since(self._nameless, service, (one.id for one in replicas if one.by_name is False), at)
        if since is None:
            return replicas  # nearly always
        return tuple(replace(replica, withdrawn_since=since.get(replica.id)) for replica in replicas)

    def _with_removals(self, replicas: tuple[Replica, ...], service: str, at: Instant) -> tuple[Replica, ...]:
        """Nor since when it removes one."""
        going = (one.id for one in replicas if one.phase is ReplicaPhase.REMOVING)
        since = _keep_since(self._going, service, going, at)
        if since is None:
            return replicas  # nearly always
        return tuple(replace(replica, removing_since=since.get(replica.id)) for replica in replicas)

    def renew(self, views: Mapping[str, ServiceView]) -> Mapping[str, ServiceView]:
        """The same look, after since when is watched, or what failed before, has come to be another."""
        known = self.troubles
        return {
            name: replace(view, since=self.since, trouble=known.get(name), fetch_troubles=known.of_fetching(name))
            for name, view in views.items()
        }


def _keep_since(known: dict[str, _Since], service: str, found: Iterable[ReplicaId], at: Instant) -> _Since | None:
    """Since which look each of these has been so; None: none is, nor was one."""
    before = known.get(service, {})
    now = {replica: before.get(replica, at) for replica in found}
    if not now and not before:
        return None
    known[service] = now
    return now
