"""What the command line asks of the loop, in one place: read, plan, act, run, tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any

from controller.loop.folders import has_room
from controller.loop.ground import Asked, Ground, complain, survey_of
from controller.loop.lock import read_holder
from controller.model.errors import ControllerError, Finding

if TYPE_CHECKING:
    from controller.engines.base import Engine
    from controller.health.prober import Prober
    from controller.intake.targets import Broken, Target
    from controller.loop.acting import MakeProber
    from controller.loop.alertbook import Posted
    from controller.loop.controller import Audience
    from controller.loop.gauge import Gauge
    from controller.loop.loaded import Loaded
    from controller.loop.memory import Definitions
    from controller.loop.netcheck import Asked as AskedPair
    from controller.loop.netcheck import Checked, Progress
    from controller.loop.peek import Peek
    from controller.loop.secretdesk import SecretDesk
    from controller.loop.secured import Surveyed
    from controller.loop.window import Planned, Serve
    from controller.model.advice import StackLimits
    from controller.model.alert import Ack, Alert, Silence
    from controller.model.applied import StackResult
    from controller.model.certified import CertificateAct, StackCertificates
    from controller.model.channel import Channel
    from controller.model.cleanup import CleanupReport
    from controller.model.desired import DesiredStack
    from controller.model.generation import Generation
    from controller.model.names import Instant, ReplicaId
    from controller.model.observed import ServiceView
    from controller.model.plan import Plan
    from controller.model.reach import Reach
    from controller.model.status import Event, StackStatus
    from controller.model.timings import Timings
    from controller.model.usage import Usage, UsageSeries
    from controller.model.wish import Wish

_FOLLOW_EVERY = 0.25


class Session:
    """One call of the command line. Every method raises only `ControllerError`s."""

    def __init__(
        self,
        engine: Engine,
        asked: Asked,
        make_prober: MakeProber,
        make_bed: Callable[[DesiredStack, Mapping[str, ServiceView], Timings, Instant], object],
    ) -> None:
        self._ground = Ground(engine, asked)
        self._make_prober = make_prober
        self._make_bed = make_bed
        self.warnings: tuple[Finding, ...] = ()
        """What the files say that is not heeded, or not as written; known once they were read."""

    def close(self) -> None:
        self._ground.close()

    def plan(self, wish: Wish) -> Sequence[Plan]:
        pairs, _ = self._load(wish)
        use = lambda peek: peek.plan(self._make_bed, wish.services)  # noqa: E731
        if wish.verb == "release":
            self.warnings = self._rest(pairs)
            use = lambda peek: peek.plan_release(self._make_bed)  # noqa: E731
        else:
            self._tell_cut_off(pairs)
        return tuple(self._with_peek(loaded, use) for _, loaded in pairs)

    def _load(self, wish: Wish) -> tuple[Sequence[tuple[Target, Loaded]], Sequence[Broken]]:
        targets = self._ground.targets(wish.profile)
        if wish.verb != "apply":
            targets = self._ground.in_profile(targets)
        pairs, broken = self._ground.load_all(targets)
        if not wish.keep_going:
            complain(broken)
        self.warnings = (*map(Finding, targets.notes), *_warnings(pairs))
        return pairs, broken

    def _tell_cut_off(self, pairs: Sequence[tuple[Target, Loaded]]) -> None:
        if any(loaded.desired.policy.address_pool for _, loaded in pairs):
            from controller.loop.cutoff import tell_cut_off

            self.warnings += tell_cut_off(self._ground.engine, [loaded for _, loaded in pairs])

    def _rest(self, pairs: Sequence[tuple[Target, Loaded]]) -> tuple[Finding, ...]:
        """What plain Compose would change beyond what a release can mend."""
        lines = (line for _, loaded in pairs for line in self._with_peek(loaded, lambda peek: peek.rest()))
        return tuple(map(Finding, lines))

    def act(self, wish: Wish, audience: Audience) -> Sequence[StackResult]:
        """Do it here, or let the daemon that holds the stack's lock do it; follow to the end."""
        _ahead(self._ground.engine_id)  # takes the engine 20 ms
        _ahead(self._bring_in)
        pairs, broken = self._load(wish)
        from controller.loop.acting import act

        if wish.verb == "apply":
            self._tell_cut_off(pairs)
        results = act(self._ground, pairs, wish, audience, self._make_prober)
        if wish.verb == "release":
            self.warnings += self._rest(pairs)
        return (*results, *(_broken_result(item) for item in broken))

    def cleanup(self, wish: Wish, audience: Audience, *, dry_run: bool) -> Sequence[CleanupReport]:
        """Remove what is unused; with `dry_run` only list it, which needs no lock."""
        pairs, _ = self._load(wish)
        from controller.loop.cleanup_command import clean_all, list_all

        return list_all(self._ground, pairs, wish) if dry_run else clean_all(self._ground, pairs, wish, audience)

    def netcheck(self, asked: Sequence[AskedPair], progress: Progress) -> Sequence[Checked]:
        """Who reaches whom, by really connecting: of all services, or of these pairs."""
        from controller.loop.netcheck import check_all

        return check_all(self._ground, self._load_now(), asked, progress)

    def certificates(self) -> Sequence[StackCertificates]:
        """Of every stack, as they lie on the disk."""
        from controller.loop.certificates_command import list_certificates

        return list_certificates(self._ground, self._load_now())

    def act_on_certificates(self, verb: str, services: Sequence[str]) -> Sequence[CertificateAct]:
        """Have those of all services, or of these, renewed or issued anew; or change the authority."""
        from controller.loop.certificates_command import act_on_certificates

        return act_on_certificates(self._ground, self._load_now(), verb, services)

    def _load_now(self) -> Sequence[tuple[Target, Loaded]]:
        pairs, broken = self._ground.load_all(self._ground.in_profile(self._ground.targets()))
        complain(broken)
        return pairs

    def last_netcheck(self, stack: str) -> Reach | None:
        """What the last check of the whole stack came to; None: it was not checked yet."""
        from controller.loop.reachbook import load_reach

        return load_reach(self._ground.folder(stack))

    def security(self) -> Surveyed:
        """What is known of the protection of each stack, by a look now; by the files alone where no engine answers."""
        from controller.loop.secured import survey

        return survey(self._ground)

    def secrets(self) -> SecretDesk:
        """What a person does to secrets."""
        from controller.loop.secretdesk import SecretDesk

        return SecretDesk(self._ground)

    def _bring_in(self) -> None:
        """Most of our code, while Compose reads the files; sooner it would hold up who calls Compose."""
        self._ground.reading.wait()
        import controller.loop.acting  # noqa: F401

    def run(self, audience: Audience, *, watch: bool, serve: Serve | None = None) -> int:
        """Keep the stacks; `serve` begins to serve the API as soon as there are any."""
        from controller.loop.daemon import Api, Daemon

        api = Api(serve, self.rehearse) if serve is not None else None
        return Daemon(self._ground, audience, self._make_prober, watch=watch, api=api).run()

    def rehearse(self, stack: str, services: Sequence[str]) -> Planned:
        """What an `apply` of one stack would do, by what its files say now."""
        from controller.loop.window import Planned

        targets = self._ground.targets(strict=False)
        target = next((found for found in targets.stacks if found.name == stack), None)
        if target is None:
            complain([item for item in targets.broken if item.name == stack] or targets.broken)
            raise ControllerError(f"the files of stack '{stack}' are gone", hint="put them back")
        loaded = self._ground.load(target)
        plan = self._with_peek(loaded, lambda peek: peek.plan(self._make_bed, tuple(services)))
        return Planned(plan, loaded.warnings)

    def status(self) -> Sequence[StackStatus]:
        """Of a stack that a controller keeps: what it says; of any other: one look now.

        `warnings` is then what is wrong with files beside what the statuses themselves say of that.
        """
        self.warnings = ()
        targets = self._ground.targets()
        asked = self._ground.asked
        nothing_here = not any(finding.file for finding in targets.findings)
        if not targets.stacks and nothing_here and not asked.files and not asked.stacks:
            return ()
        pairs, broken = self._ground.load_all(self._ground.in_profile(targets))
        statuses = [self._status(loaded) for _, loaded in pairs]
        known = self._ground.known_of(broken, [status.name for status in statuses])
        found = (self._unread_status(name, findings) for name, findings in known.items())
        unread = [status for status in found if status is not None]
        statuses += unread
        if not statuses:
            complain(broken)
        findings = dict.fromkeys(finding for item in broken for finding in item.findings)
        self.warnings = tuple(one for one in findings if not any(_says(status, one) for status in unread))
        return tuple(sorted(statuses, key=lambda status: status.name))

    def _status(self, loaded: Loaded) -> StackStatus:
        kept = self._kept_status(loaded.name)
        return kept if kept is not None else self._with_peek(loaded, lambda peek: peek.status())

    def _unread_status(self, stack: str, findings: Sequence[Finding]) -> StackStatus | None:
        """Of one whose files cannot be used; None: it was never told of."""
        if (kept := self._kept_status(stack)) is not None:
            return kept
        if (last := self._ground.store(stack).status.load()) is None:
            return None
        from controller.decide.unread import tell_unread
        from controller.engines.base import Scope

        why = "; ".join(str(finding) for finding in findings)
        return tell_unread(last, self._ground.engine.observe(Scope(stack)), why, self._ground.now())

    def _kept_status(self, stack: str) -> StackStatus | None:
        """What its keeper wrote last; None: nobody keeps it, or he cannot write any more."""
        trusted = self._is_kept(stack) and has_room(self._ground.folder(stack))
        return self._ground.store(stack).status.load() if trusted else None

    def _is_kept(self, stack: str) -> bool:
        holder = read_holder(self._ground.lock_path(stack))
        return holder is not None and holder.state == str(self._ground.folder(stack))

    def _with_peek(self, loaded: Loaded, use: Callable[[Peek], Any]) -> Any:
        from controller.loop.peek import Peek

        prober: Prober | None = None
        if not self._ground.engine.capabilities.senses_health:
            prober = self._make_prober(lambda stack, service: None)
        try:
            store = self._ground.store(loaded.name)
            ground = self._ground
            return use(Peek(ground.engine, loaded, store, prober, ground.now(), survey_of(ground)))
        finally:
            if prober is not None:
                prober.close()

    def events(self, *, since: float | None = None, follow: bool = False) -> Iterator[Event]:
        """What was told of the stacks, oldest first; `since` an instant; with `follow` without end."""
        names, _ = self._named()
        seen = dict.fromkeys(names, 0)
        while True:
            fresh = [event for name in names for event in self._ground.store(name).events.since(seen[name])]
            for event in sorted(fresh, key=lambda event: (event.at, event.seq)):
                seen[event.stack] = max(seen[event.stack], event.seq)
                if since is None or event.at >= since:
                    yield event
            if not follow:
                return
            time.sleep(_FOLLOW_EVERY)

    def _named(self) -> tuple[Sequence[str], Sequence[Broken]]:
        """The stacks that are meant, those that cannot be read now included; and what is wrong with the files."""
        targets = self._ground.targets()
        known = self._ground.known_of(targets.broken, [target.name for target in targets.stacks])
        return list(dict.fromkeys((*(target.name for target in targets.stacks), *known))), targets.broken

    def alerts(self) -> Sequence[Posted]:
        """The alerts of each stack that has a store, open and lately resolved, and what people said to them."""
        from controller.loop.alertbook import Posted

        now, known = self._ground.now(), frozenset(self._ground.known())
        names = sorted(known.intersection(self._named()[0]))
        return [Posted(name, (of := self._ground.store(name).alerts).load(), of.hush(now)) for name in names]

    def acknowledge(self, stack: str, acks: Sequence[Ack]) -> None:
        with self._acting("ack", "alert", ", ".join(ack.alert for ack in acks), stack):
            self._ground.store(stack).alerts.acknowledge(acks)

    def silence(self, stack: str, silence: Silence) -> Silence:
        with self._acting("silence", "service" if silence.services else "stack", _silenced(silence, stack), stack):
            return self._ground.store(stack).alerts.silence(silence)

    def end_silence(self, stack: str, number: int) -> bool:
        with self._acting("end-silence", "silence", str(number), stack):
            return self._ground.store(stack).alerts.end_silence(number)

    def _acting(
        self, verb: str, kind: str, name: str, stack: str, *, must: bool = True
    ) -> AbstractContextManager[None]:
        """What changes something at once is recorded around it; what may take longer, by who acts. `must`: where it
        cannot be, it is not done."""
        from controller.loop.acting import who
        from controller.loop.auditor import caller
        from controller.security.audit import Act, Via

        return self._ground.audit.acting(Act(who(), Via.CLI, verb, kind, name, stack, caller()), must=must)

    def channels(self) -> Sequence[Channel]:
        """Where alerts go, by the document of kind Controller. Raises InvalidInput where that is broken."""
        targets = self._ground.targets()
        if targets.channels is None:
            complain(targets.broken)
        return targets.channels or ()

    def send(self, channel: Channel, alert: Alert) -> None:
        """Have a channel told now, by whoever asks. Raises ControllerErrors where it was not.

        It changes nothing, and is tried when much is broken: it is recorded where it can be."""
        from controller.alerts.sinks import send

        with self._acting("test", "channel", channel.name, "", must=False):
            send(channel, alert, self._ground.asked.environment)

    def gauge(self) -> Gauge:
        """What is used now, for as long as somebody looks."""
        from controller.loop.gauge import Gauge

        return Gauge(self._ground, self._is_kept)

    def usage_history(self, stacks: Sequence[str], since: float) -> Mapping[str, Sequence[UsageSeries]]:
        """What controllers measured in the last `since` seconds, by stack."""
        from controller.loop.usagehistory import read_history

        ground, now = self._ground, self._ground.now()
        return {name: read_history(ground.folder(name), None, now - since, now) for name in stacks}

    def host_history(self, since: float) -> UsageSeries | None:
        """What they measured of the machine; None: nothing."""
        from controller.loop.metering import HOST
        from controller.loop.usagehistory import read_history

        now = self._ground.now()
        return next(iter(read_history(self._ground.folder(HOST), None, now - since, now)), None)

    def limits(self, usage: Usage) -> Sequence[StackLimits]:
        """What is said of the limits of each stack's services; `usage`: what they use now."""
        from controller.loop.advising import advise, read_measured

        targets, ground, found = self._ground.targets(), self._ground, []
        pairs, broken = ground.load_all(ground.in_profile(targets))
        if not pairs:
            complain(broken)
        for _, loaded in sorted(pairs, key=lambda pair: pair[1].name):
            name, now = loaded.name, ground.now()
            newest = (usage.at, usage.stacks.get(name, {}))
            measured = read_measured(ground.folder(name), name, loaded.resources.adjust, now, newest)
            measured = measured._replace(cores=usage.cores)
            found.append(advise(loaded, ground.store(name).adjustments.load(), measured, now))
        return found

    def generations(self) -> Mapping[str, Sequence[Generation]]:
        """The kept generations of each stack, oldest first; of stacks that have a store."""
        ground, (names, broken) = self._ground, self._named()
        if not names:
            complain(broken)
        known = frozenset(ground.known())
        return {name: ground.store(name).stack.generations() for name in sorted(set(names)) if name in known}

    def definitions(self, stack: str, number: int) -> Definitions:
        """What Compose rendered for that generation; may hold secrets."""
        return self._ground.store(stack).stack.definitions(number)

    def logs(
        self, replica: ReplicaId, *, tail: int | None = None, follow: bool = False, since: float | None = None
    ) -> Iterator[str]:
        return self._ground.engine.logs(replica, tail=tail, follow=follow, since=since)


def _says(status: StackStatus, finding: Finding) -> bool:
    return any(one.type == "GenerationHeld" and str(finding) in one.message for one in status.conditions)


def _ahead(function: Callable[[], object]) -> None:
    """Begin it in a thread. Who needs it later finds it done, or does it again, and hears what is wrong with it."""

    def begin() -> None:
        with suppress(Exception):
            function()

    threading.Thread(target=begin, name="ahead", daemon=True).start()


def _silenced(silence: Silence, stack: str) -> str:
    return ", ".join(silence.services) or stack


def _broken_result(item: Broken) -> StackResult:
    from controller.model.applied import StackResult

    message = "; ".join(str(finding) for finding in item.findings)
    hint = item.findings[0].hint if item.findings else None
    return StackResult(item.name or item.place, 0, "invalid", False, message=message, hint=hint)


def _warnings(pairs: Sequence[tuple[Target, Loaded]]) -> tuple[Finding, ...]:
    return tuple(finding for _, loaded in pairs for finding in loaded.warnings)
