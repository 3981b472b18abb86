"""One stack's alerts, told instant by instant."""

from __future__ import annotations

from collections.abc import Iterable

from controller.alerts.judge import Scene, Verdict, Watch, judge
from controller.model.alert import AlertPolicy, Book, Severity
from controller.model.phases import Phase, StackPhase
from controller.model.status import Condition, ServiceStatus, StackStatus
from tests.builders import NOW

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING


def service(name: str = "db", phase: Phase = Phase.READY, ready: int | None = None, **others) -> ServiceStatus:
    desired = others.pop("desired", 0 if phase is Phase.STOPPED else 1)
    count = ready if ready is not None else desired if phase in (Phase.READY, Phase.COMPLETED) else 0
    given = {"reason": str(phase), "message": "", "updated": count, "replicas": (), "since": NOW, **others}
    return ServiceStatus(name=name, phase=phase, desired=desired, ready=count, **given)


def status(*services: ServiceStatus, conditions: Iterable[str] = ()) -> StackStatus:
    told = tuple(Condition(name, "True", name, f"{name} it is", NOW) for name in conditions)
    return StackStatus("shop", StackPhase.DEGRADED, 1, told, services, NOW)


class Story:
    """One stack's alerts, told instant by instant."""

    def __init__(self, needs: dict[str, tuple[str, ...]] | None = None, policy: AlertPolicy | None = None) -> None:
        self.book, self.watch = Book(), Watch()
        self.needs, self.policy = needs or {}, policy or AlertPolicy()
        self.fired: list[tuple[float, str, Severity]] = []
        self.resolved: list[tuple[float, str]] = []

    def show(self, at: float, *services: ServiceStatus, conditions: Iterable[str] = (), speaks: bool = True) -> Verdict:
        scene = Scene(status(*services, conditions=conditions), self.needs, self.policy, speaks)
        verdict = judge(self.book, self.watch, scene, NOW + at)
        self.book, self.watch = verdict.book, verdict.watch
        self.fired += [(at, f"{alert.service}:{alert.rule}", alert.severity) for alert in verdict.fired]
        self.resolved += [(at, f"{alert.service}:{alert.rule}") for alert in verdict.resolved]
        return verdict


DOWN = service(phase=Phase.FAILED, message="db-1 exited with 1")
