"""What the manifest says of a service, laid over what Compose says of it. Pure; a bare Compose file has no manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controller.intake.compose import Model, never_ends, read_needs, read_replicas, read_update
from controller.intake.order import Choice
from controller.intake.resources import read_optimization, read_resources
from controller.model.desired import (
    START_TIMEOUT,
    Backoff,
    Condition,
    DriftPolicy,
    FailureAction,
    Need,
    Order,
    Probe,
    ProbeKind,
    StackPolicy,
    UpdatePolicy,
)

if TYPE_CHECKING:
    from controller.model.manifest import Check, Service, Stack, Update

_ROLLBACK = UpdatePolicy(failure_action=FailureAction.PAUSE)
"""A rollback that fails stops: it is never rolled back itself."""


def service_policies(manifest: Stack | None, profile: str | None) -> Mapping[str, Service]:
    """What the manifest says by service: `services`, and over it the overrides of the startup profile."""
    if manifest is None:
        return {}
    policies = dict(manifest.spec.services)
    chosen = manifest.spec.startup_profiles.get(profile or "")
    for name, override in (chosen.overrides if chosen else {}).items():
        policies[name] = _laid_over(policies[name], override) if name in policies else override
    return policies


def _laid_over(base: Any, over: Any) -> Any:
    """Keys that are set in `over` win; sections are laid over key by key."""
    changes = {}
    for name in over.model_fields_set:
        old, new = getattr(base, name), getattr(over, name)
        sections = hasattr(old, "model_fields_set") and type(old) is type(new) and name not in _WHOLE
        changes[name] = _laid_over(old, new) if sections else new
    return base.model_copy(update=changes)


_WHOLE = frozenset({"readiness", "liveness", "startup_probe"})
"""Probes are replaced whole: half of one and half of another is no probe."""


def resolve_replicas(service: Model, policy: Service | None) -> int:
    """The manifest's `replicas` over Compose's."""
    return policy.replicas if policy and policy.replicas is not None else read_replicas(service)


def resolve_needs(service: Model, policy: Service | None) -> Mapping[str, Need]:
    """Compose's dependencies and the manifest's `dependsOn` over them."""
    needs = dict(read_needs(service))
    for name, edge in (policy.depends_on if policy else {}).items():
        needs[name] = Need(edge.condition, edge.required, edge.restart)
    return needs


def resolve_update(service: Model, policy: Service | None, choice: Choice) -> UpdatePolicy:
    """The manifest over `deploy.update_config` over Swarm's defaults, with `rollback`; in the chosen order."""
    update = _updated(read_update(service, "update_config", UpdatePolicy()), policy.update if policy else None)
    update = _with_patience(update, policy.update if policy else None, policy)
    return replace(update, order=choice.order, because=choice.because)


def resolve_rollback(service: Model, policy: Service | None, choice: Choice) -> UpdatePolicy:
    """The same for rollbacks."""
    rollback = _updated(read_update(service, "rollback_config", _ROLLBACK), policy.rollback if policy else None)
    rollback = _with_patience(rollback, policy.rollback if policy else None, policy)
    return replace(rollback, order=choice.order, because=choice.because)


def wants_ingress(manifest: Stack | None, asked: Order | None, replicas: int = 1) -> bool:
    """Whether a proxy is to take what it can of a service's ports: the manifest says so.

    A bare file gets it where it asks for what cannot be without: start-first, or more replicas than host ports.
    """
    unasked = asked is Order.START_FIRST or replicas > 1
    return unasked if manifest is None else manifest.spec.ingress.mode == "auto"


def _updated(base: UpdatePolicy, update: Update | None) -> UpdatePolicy:
    if update is None:
        return base
    return UpdatePolicy(
        order=base.order,
        parallelism=_either(update.parallelism, base.parallelism),
        delay=_either(update.delay, base.delay),
        monitor=_either(update.monitor, base.monitor),
        failure_action=_either(update.failure_action, base.failure_action),
        max_failure_ratio=_either(update.max_failure_ratio, base.max_failure_ratio),
        progress_deadline=_either(update.progress_deadline, base.progress_deadline),
        bake=_either(update.bake, base.bake),
        watch=_either(update.watch, base.watch),
        scope=_either(update.scope, base.scope),
    )


def _with_patience(update: UpdatePolicy, said: Update | None, policy: Service | None) -> UpdatePolicy:
    """Where nobody gives a deadline, a long watch or start has a longer one: Compose has no word for it."""
    if said is not None and said.progress_deadline is not None:
        return update
    longest = max(update.monitor, _time_to_begin(policy))
    return replace(update, progress_deadline=max(update.progress_deadline, 2 * longest))


def _either(first: Any, second: Any) -> Any:
    return second if first is None else first


def resolve_irreversible(policy: Service | None) -> bool | None:
    """True or False where the manifest says so, in either word; None: only for a job that completed."""
    if policy is None or policy.reversible is None:
        return policy.irreversible if policy else None
    return not policy.reversible


def resolve_start_timeout(manifest: Stack | None, policy: Service | None) -> float:
    """Seconds after which a replica that is not ready has failed: what its startup probe gives it comes on top."""
    if manifest is None:
        return START_TIMEOUT
    own = policy.start_timeout if policy else None
    patience = manifest.spec.startup.timeout if own is None else own
    return patience + _time_to_begin(policy)


def is_start_timeout_chosen(manifest: Stack | None, policy: Service | None) -> bool:
    """Whether the manifest says how long a start may take, for the service or for all of them."""
    if manifest is None:
        return False
    own = policy is not None and (policy.start_timeout is not None or policy.startup_probe is not None)
    return own or "timeout" in manifest.spec.startup.model_fields_set


def _time_to_begin(policy: Service | None) -> float:
    """As Kubernetes counts it: `failureThreshold` periods after the initial delay."""
    probe = policy.startup_probe if policy else None
    return 0.0 if probe is None else (probe.start_period or 0.0) + probe.interval * probe.retries


def resolve_readiness(policy: Service | None, start_timeout: float) -> Probe | None:
    """The manifest's probe; None leaves it to the health check.

    How often it fails says nothing of a replica that is still starting, only how long: on a busy machine a short
    interval would end a good one. (Kubernetes leaves the same to `progressDeadlineSeconds`.)
    """
    return _probe(policy.readiness, start_timeout) if policy and policy.readiness else None


def resolve_liveness(policy: Service | None, start_timeout: float) -> Probe | None:
    """The manifest's liveness probe; without one, what restarts a replica is its readiness.

    After a startup probe each of its failures counts: that one gave the time for a start.
    """
    if policy is None or policy.liveness is None:
        return None
    return _probe(policy.liveness, start_timeout if policy.startup_probe is None else 0.0)


def resolve_ignored(policy: Service | None, networks: Mapping[str, Any]) -> tuple[str, ...]:
    """Fields that are nobody's business. A network may be named as in Compose files, or as the engine does."""
    if policy is None or not policy.ignore_drift:
        return ()
    names = {f"Networks.{key}": f"Networks.{(given or {}).get('name') or key}" for key, given in networks.items()}
    return tuple(dict.fromkeys(name for path in policy.ignore_drift for name in (path, names.get(path, path))))


def resolve_startup(policy: Service | None, start_timeout: float) -> Probe | None:
    """The manifest's startup probe. Its failures say nothing: when the time for a start is over, that does."""
    if policy is None or policy.startup_probe is None:
        return None
    return replace(_probe(policy.startup_probe, start_timeout), start_period=start_timeout)


def _probe(check: Check, start_period: float) -> Probe:
    timing: dict[str, Any] = {
        "interval": check.interval,
        "timeout": check.timeout,
        "retries": check.retries,
        "start_period": start_period if check.start_period is None else check.start_period,
    }
    if check.http:
        return Probe(ProbeKind.HTTP, port=check.http.port, path=check.http.path, **timing)
    if check.tcp:
        return Probe(ProbeKind.TCP, port=check.tcp.port, **timing)
    return Probe(ProbeKind.EXEC, command=check.exec.command if check.exec else (), **timing)


def resolve_job(service: Model, policy: Service | None, conditions: frozenset[Condition]) -> bool | None:
    """True or False where it is said, or follows; None where only its end will tell."""
    if policy and policy.job is not None:
        return policy.job
    if Condition.COMPLETED in conditions:
        return True
    probed = policy is not None and any((policy.readiness, policy.liveness, policy.startup_probe))
    return False if probed or never_ends(service) else None


def resolve_backoff(manifest: Stack | None) -> Backoff:
    """Pauses between tries, from `startup.retry`."""
    if manifest is None:
        return Backoff()
    retry = manifest.spec.startup.retry
    return Backoff(retry.initial_delay, retry.max_delay, retry.multiplier, retry.attempts)


def resolve_drift(manifest: Stack | None) -> DriftPolicy:
    """What becomes of containers that a hand changed."""
    return DriftPolicy.REPAIR if manifest is None else manifest.spec.reconcile.drift


def resolve_policy(manifest: Stack | None) -> StackPolicy:
    """What holds for the stack as a whole."""
    if manifest is None:
        return StackPolicy()
    spec = manifest.spec
    return StackPolicy(
        mode=spec.startup.mode,
        max_parallel=spec.startup.max_parallel,
        resync=spec.reconcile.resync,
        self_heal=spec.reconcile.self_heal,
        prune=spec.reconcile.prune,
        contents=spec.reconcile.contents,
        auto_start=spec.auto_start,
        admission=spec.resources.admission,
        reserve=read_resources(manifest).reserve,
        optimization=read_optimization(manifest),
        address_pool=spec.security.address_pool if spec.security.network_policy == "dependencies" else "",
    )
