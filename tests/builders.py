"""Values with defaults, so that a case is one line and shows only what it is about.

Times are seconds; services are called `web` unless told otherwise; revisions are short words (`v1`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.model.decision import Aim, History, Offers
from controller.model.desired import Condition, DesiredService, DesiredStack, Need, Probe, ProbeKind, Template
from controller.model.names import ImageId, Instant, ReplicaId, Revision
from controller.model.observed import Health, Observed, Replica, ReplicaPhase, ServiceView
from controller.model.steps import Create, Remove, Restart, Start, Stop
from controller.model.timings import ENOUGH, Sample, Span, Timings

NOW: Instant = 1000.0
IMAGE = ImageId("sha256:present")
STARTED, HEALTHY, COMPLETED = Condition.STARTED, Condition.HEALTHY, Condition.COMPLETED


def template(name: str = "web", revision: str = "v1", body: str = "", **others: Any) -> Template:
    others.setdefault("config_hash", f"hash-{revision}")
    others.setdefault("fingerprint", f"print-{revision}")
    return Template(service=name, body=body, **others)


def probe(kind: ProbeKind = ProbeKind.EXEC, **others: Any) -> Probe:
    if kind is ProbeKind.EXEC:
        others.setdefault("command", ("true",))
    return Probe(kind, **others)


def need(condition: Condition = HEALTHY, **others: Any) -> Need:
    return Need(condition, **others)


def service(name: str = "web", replicas: int = 1, revision: str = "v1", **others: Any) -> DesiredService:
    """`needs` may be names (`("db",)`: healthy), or a mapping of names to `Condition` or `Need`."""
    others["needs"] = _needs(others.get("needs", ()))
    others.setdefault("template", template(name, revision, namespace_of=others.get("namespace_of")))
    others.setdefault("image", f"{name}:1")
    return DesiredService(name=name, replicas=replicas, revision=Revision(revision), **others)


def checked(name: str = "web", replicas: int = 1, revision: str = "v1", **others: Any) -> DesiredService:
    """A service with a readiness probe."""
    return service(name, replicas, revision, **{"readiness": probe(), **others})


def job(name: str = "migrate", revision: str = "v1", **others: Any) -> DesiredService:
    return service(name, 1, revision, is_job=True, **others)


def stack(*services: DesiredService, name: str = "shop", digest: str = "", **others: Any) -> DesiredStack:
    """The digest follows the services unless it is given."""
    digest = digest or " ".join(f"{s.name}:{s.revision}x{s.replicas}" for s in services)
    return DesiredStack(name=name, services={s.name: s for s in services}, digest=digest, **others)


def replica(
    number: int = 1, revision: str = "v1", phase: ReplicaPhase = ReplicaPhase.RUNNING, **others: Any
) -> Replica:
    """A running one started 100 s before `NOW`, long settled; without a check unless `health` says so."""
    name = others.pop("service", "web")
    others.setdefault("id", ReplicaId(f"{name}-{number}-id"))
    others.setdefault("name", f"shop-{name}-{number}")
    others.setdefault("created_at", NOW - 101)
    others.setdefault("config_hash", f"hash-{revision}")
    others.setdefault("image", f"{name}:1")
    others.setdefault("image_id", IMAGE)
    if phase is not ReplicaPhase.CREATED:
        others.setdefault("started_at", NOW - 100)
    if phase in (ReplicaPhase.EXITED, ReplicaPhase.RESTARTING, ReplicaPhase.DEAD):
        others.setdefault("finished_at", NOW - 1)
        others.setdefault("exit_code", 1)
    return Replica(service=name, number=number, revision=Revision(revision), phase=phase, **others)


def healthy(number: int = 1, revision: str = "v1", **others: Any) -> Replica:
    """A running one with a check, ready for 99 s at `NOW`."""
    others.setdefault("ready_since", NOW - 99)
    return replica(number, revision, health=Health.HEALTHY, check=probe(), **others)


def created(number: int = 1, revision: str = "v1", **others: Any) -> Replica:
    return replica(number, revision, ReplicaPhase.CREATED, **others)


def exited(number: int = 1, revision: str = "v1", exit_code: int = 1, **others: Any) -> Replica:
    return replica(number, revision, ReplicaPhase.EXITED, exit_code=exit_code, **others)


def view(*replicas: Replica, **others: Any) -> ServiceView:
    """Watched since long before `NOW`, complete, with the image present."""
    others.setdefault("taken_at", NOW)
    others.setdefault("since", NOW - 500)
    others.setdefault("image_id", IMAGE)
    return ServiceView(replicas=replicas, **others)


def observed(name: str = "shop", **services: ServiceView) -> Observed:
    return Observed(stack=name, services=services, taken_at=NOW)


def empty_views(wanted: DesiredStack) -> Mapping[str, ServiceView]:
    """Nothing runs, all images are there: the start of a cold start."""
    return {name: view() for name in wanted.services}


def aim(want: DesiredService | None = None, **others: Any) -> Aim:
    want = want if want is not None else service()
    others.setdefault("asked", want.revision)
    return Aim(want=want, **others)


def history(**fields: Any) -> History:
    return History(**fields)


def ready(**others: Any) -> Offers:
    """What a service offers that runs well."""
    fields: dict[str, Any] = {"started": True, "healthy": True, "settled": True, "running": True, "epoch": NOW - 101}
    return Offers(**{**fields, "updated": others.get("settled", True), **others})


def timings(revision: str = "", **services: Mapping[Span, float] | float) -> Timings:
    """Learned times by service (`_` for `-`): a number is the time to ready, a mapping gives spans."""
    samples: dict[tuple[str, Span], tuple[Sample, ...]] = {}
    for name, spans in services.items():
        known = spans if isinstance(spans, Mapping) else {Span.READY: spans}
        for span, seconds in known.items():
            samples[(name.replace("_", "-"), span)] = (Sample(seconds, Revision(revision)),) * ENOUGH
    return Timings(samples)


def create(number: int = 1, revision: str = "v1", service: str = "web", **others: Any) -> Create:
    others.setdefault("template", template(service, revision))
    return Create(service, number, Revision(revision), because="test", **others)


def start(replica_id: str, number: int = 1, service: str = "web") -> Start:
    return Start(service, ReplicaId(replica_id), number, "test")


def stop(replica_id: str, number: int = 1, service: str = "web", grace: float = 10.0) -> Stop:
    return Stop(service, ReplicaId(replica_id), number, grace, "test")


def restart(replica_id: str, number: int = 1, service: str = "web", grace: float = 10.0) -> Restart:
    return Restart(service, ReplicaId(replica_id), number, grace, "test")


def remove(replica_id: str, number: int = 1, service: str = "web") -> Remove:
    return Remove(service, ReplicaId(replica_id), number, "test")


def _needs(given: Any) -> Mapping[str, Need]:
    if isinstance(given, Mapping):
        return {name: value if isinstance(value, Need) else Need(value) for name, value in given.items()}
    return {name: Need(HEALTHY) for name in given}
