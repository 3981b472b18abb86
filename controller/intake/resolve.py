"""Manifest and rendered Compose project in, desired stack out, with what is wrong or unheeded. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from controller.intake import compose, ingress, limits, policy, revisions
from controller.intake.alerting import check_rules
from controller.intake.certified import asks_for_certificates, check_certified, lay_mount, warn_certified
from controller.intake.findings import Path, at
from controller.intake.metrics import check_metrics
from controller.intake.networks import check_networks, warn_networks
from controller.intake.remarks import is_strict, strictly
from controller.intake.resources import check_resources, read_claims
from controller.intake.selection import check_graph, check_names, select_services
from controller.intake.updates import Updates
from controller.intake.windows import check_windows
from controller.model.desired import (
    Condition,
    ContentsPolicy,
    DesiredService,
    DesiredStack,
    Direct,
    Leaving,
    Need,
    Template,
)
from controller.model.errors import Finding
from controller.model.names import ImageId, Revision
from controller.model.project import ImageDefaults, Recording, RenderedProject
from controller.model.routes import Frontend

if TYPE_CHECKING:
    from controller.model.manifest import Service, Stack


@dataclass(frozen=True, slots=True)
class Sources:
    """All that a desired stack follows from.

    `profile` is a startup profile chosen on the command line, over the manifest's. `contents` are digests by service
    (None: unreadable now). `image_ids`: images whose moved tag counts. `declared`: every service of the files, whatever
    its Compose profile; `present`: services that have containers. `image_defaults`: what an image brings (None: not
    known), asked only where something hangs on it. `leads_traffic`: the engine can have an ingress.
    """

    rendered: RenderedProject
    recording: Recording = field(default_factory=lambda: Recording({}))
    manifest: Stack | None = None
    profile: str | None = None
    contents: Mapping[str, str | None] = field(default_factory=dict)
    image_ids: Mapping[str, ImageId] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    present: frozenset[str] = frozenset()
    source: str = ""
    image_defaults: Callable[[str], ImageDefaults | None] = lambda _: None
    leads_traffic: bool = True
    certificates: str = ""
    """The folder of what is mounted of them, one for each service; "": none can be mounted."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """`stack` is None where there are errors. `edges`: who depends on whom, those that leave included."""

    stack: DesiredStack | None
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    edges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def resolve(sources: Sources, previous: Mapping[str, DesiredService] | None = None) -> Resolution:
    """The stack as it is to be. `previous`: the services of the generation before, of which some may leave now."""
    errors = _check(sources)
    if errors:
        return Resolution(None, errors)
    resolver = _Resolver(sources, previous or {})
    services = resolver.services()
    blind = tuple(resolver.blind_waits(services))
    sure = tuple(finding for finding, is_sure in blind if is_sure)
    unsure = tuple(finding for finding, is_sure in blind if not is_sure)
    strict = is_strict(sources.manifest)
    errors = (*resolver.faults(services), *(strictly(sure) if strict else ()))
    told = unsure if strict else (*sure, *unsure)
    warnings = (
        *limits.warn(sources.manifest),
        *check_rules(sources.manifest, tuple(services)),
        *resolver.risks(services),
        *_tell_contents(services),
        *ingress.warn_ingress(sources.manifest, services),
        *(warn_certified(sources.manifest, services) if sources.certificates else ()),
        *told,
    )
    if errors:
        return Resolution(None, errors, warnings)
    edges = {name: tuple(sorted(service.needs)) for name, service in services.items()}
    return Resolution(_stack(sources, services), (), warnings, edges)


def _check(sources: Sources) -> tuple[Finding, ...]:
    manifest = sources.manifest
    if manifest is None:
        return ()
    known = sources.declared | frozenset(_models(sources))
    return (
        *_check_name(sources),
        *limits.check_manifest(manifest),
        *check_names(manifest, _profile(sources), known),
        *check_metrics(manifest, known),
        *check_certified(manifest, known),
        *check_resources(manifest, sources.rendered.model.get("volumes") or {}),
    )


def _check_name(sources: Sources) -> Iterator[Finding]:
    wanted = sources.manifest.metadata.name if sources.manifest else sources.rendered.name
    if wanted != sources.rendered.name:
        message = f"the stack is called '{wanted}', but its Compose project is '{sources.rendered.name}'"
        hint = f"set metadata.name: {sources.rendered.name}, or name: {wanted} at the top of the Compose file"
        yield at(("metadata", "name"), message, hint=hint)


def _models(sources: Sources) -> Mapping[str, compose.Model]:
    models: Mapping[str, compose.Model] = sources.rendered.model.get("services") or {}
    return models


def _profile(sources: Sources) -> str | None:
    if sources.profile is not None or sources.manifest is None:
        return sources.profile
    return sources.manifest.spec.profile


class _Resolver:
    """The services of one stack, one after the other."""

    def __init__(self, sources: Sources, previous: Mapping[str, DesiredService]) -> None:
        self._sources = sources
        self._previous = previous
        self.models = _models(sources)
        self.policies = policy.service_policies(sources.manifest, _profile(sources))
        self._stack_policy = policy.resolve_policy(sources.manifest)
        self._needs = {name: policy.resolve_needs(self.models[name], self.policies.get(name)) for name in self.models}
        self._selected = select_services(sources.manifest, _profile(sources), self._needs)
        at_hand = (sources.image_defaults, sources.leads_traffic)
        self._updates = Updates(sources.rendered, sources.manifest, _profile(sources), previous, *at_hand)

    def services(self) -> Mapping[str, DesiredService]:
        """By name, in alphabetical order: those of the profile, those that leave it, those that are gone."""
        # One that was leaving and has no container any more is done with.
        before = {name for name, service in self._previous.items() if service.leaving is None}
        gone = (before | self._sources.present) - frozenset(self.models)
        found = {name: self._service(name) for name in self.models} | {name: self._gone(name) for name in gone}
        return ingress.give_up_ports({name: found[name] for name in sorted(found)})

    def faults(self, services: Mapping[str, DesiredService]) -> Iterable[Finding]:
        """What cannot be: missing dependencies, cycles, replicas that would share a name or a port."""
        yield from check_graph(self._needs, self._sources.declared, self._edge)
        yield from limits.check_names_of_containers(services)
        yield from limits.check_host_ports(services)
        yield from self._updates.faults(services)
        yield from check_networks(self._sources.manifest, self.policies, services, self._sources.rendered.model)
        for name, model in sorted(self.models.items()):
            yield from limits.check_replicas(services[name], model, self._sources.leads_traffic)
            yield from self._contradiction(name)

    def risks(self, services: Mapping[str, DesiredService]) -> Iterator[Finding]:
        """What is done as asked for, though something speaks against it."""
        yield from self._updates.warnings()
        yield from warn_networks(self._sources.manifest, self.policies, services, self._sources.rendered.model)
        yield from check_windows(services, self.models, self._updates.monitored)

    def blind_waits(self, services: Mapping[str, DesiredService]) -> Iterator[tuple[Finding, bool]]:
        """Edges that wait for the health of what has no health check; is that sure, or may its image have one?

        Compose accepts these, and so does the core: what has no check is ready once it has run for a while.
        """
        for name, needs in sorted(self._needs.items()):
            for target, need in sorted(needs.items()):
                if need.condition is Condition.HEALTHY and target in self.models:
                    checks = self._checks(target, services[target])
                    if not checks:
                        finding = limits.unchecked(self._edge(name, target), name, services[target], checks is None)
                        yield finding, checks is False

    def _checks(self, name: str, service: DesiredService) -> bool | None:
        model = self.models[name]
        if service.tells_readiness or compose.has_check(model):
            return True
        if compose.refuses_check(model):
            return False
        brought = self._sources.image_defaults(service.image)
        return None if brought is None else brought.checks

    def _edge(self, name: str, target: str) -> Path:
        said = self.policies.get(name)
        if said is not None and target in said.depends_on:
            return ("spec", "services", name, "dependsOn", target)
        return ("services", name, "depends_on", target)

    def _contradiction(self, name: str) -> Iterator[Finding]:
        said = self.policies.get(name)
        if said is not None and said.job is False and Condition.COMPLETED in self._conditions(name):
            message = f"'{name}' is not a job, but another service waits until it has completed"
            yield at(("spec", "services", name, "job"), message, hint="set job: true, or wait for service_healthy")

    def _conditions(self, name: str) -> frozenset[Condition]:
        return frozenset(needs[name].condition for needs in self._needs.values() if name in needs)

    def _direct(self, name: str, template: Template, frontends: Iterable[Frontend], replicas: int) -> Direct:
        """What publishes its ports itself stays where it can; not where clients are to be spoken to in TLS."""
        asked = ingress.tls_ports(self._sources.manifest)
        stays = replicas <= 1 and not any(map(asked.covers, frontends))
        return Direct(self._revision_now(name, template), template, stays)

    def _service(self, name: str) -> DesiredService:
        model, said = self.models[name], self.policies.get(name)
        direct = template = self._template(name, model)
        frontends = self._updates.frontends(name)
        if frontends:
            template = ingress.without_ports(direct, frontends)
        replicas = policy.resolve_replicas(model, said)
        patience = policy.resolve_start_timeout(self._sources.manifest, said)
        service = DesiredService(
            name=name,
            replicas=replicas,
            frontends=frontends,
            networks=tuple(sorted(template.joins())) if frontends else (),
            direct=self._direct(name, direct, frontends, replicas) if frontends else None,
            revision=self._revision(name, template),
            contents_changed=self._contents_changed(name, template),
            template=template,
            image=compose.read_image(model, self._sources.rendered.name, name),
            image_id=self._sources.image_ids.get(name),
            needs=self._kept_needs(name),
            update=self._updates.update(name),
            rollback=self._updates.rollback(name),
            readiness=policy.resolve_readiness(said, patience),
            liveness=policy.resolve_liveness(said, patience),
            startup=policy.resolve_startup(said, patience),
            start_timeout=patience,
            timeout_chosen=policy.is_start_timeout_chosen(self._sources.manifest, said),
            stop_grace=compose.read_grace(model),
            docker_restart=compose.read_restart(model),
            pull=compose.read_pull(model),
            builds="build" in model,
            ports=compose.read_ports(model),
            container_name=model.get("container_name"),
            claims=read_claims(model, said, self._sources.rendered.model.get("volumes") or {}),
            is_job=policy.resolve_job(model, said, self._conditions(name)),
            namespace_of=template.namespace_of or compose.namespace_owner(model),
        )
        return self._selected_or_not(self._with_manifest(service, said))

    def _with_manifest(self, service: DesiredService, said: Service | None) -> DesiredService:
        manifest = self._sources.manifest
        if manifest is None:
            return service
        startup = manifest.spec.startup
        return replace(
            service,
            settle=startup.settle,
            backoff=policy.resolve_backoff(manifest),
            priority=said.priority if said else 0,
            connects_to=said.connects_to if said else (),
            egress=said.egress if said else None,
            heals_unhealthy=said is None or said.on_unhealthy == "restart",
            drift=policy.resolve_drift(self._sources.manifest),
            ignore_drift=policy.resolve_ignored(said, self._sources.rendered.model.get("networks") or {}),
            follows_tag=said is not None and said.update.on_image_change is True,
            irreversible=policy.resolve_irreversible(said),
            drain_timeout=manifest.spec.ingress.drain_timeout,
            pre_stop_delay=said.pre_stop_delay if said else 0.0,
        )

    def _selected_or_not(self, service: DesiredService) -> DesiredService:
        if service.name in self._selected:
            return service
        return replace(service, replicas=0, leaving=Leaving.OUT_OF_PROFILE)

    def _kept_needs(self, name: str) -> Mapping[str, Need]:
        """Without optional dependencies that the stack does not have now; who leaves keeps them, for the order."""
        kept = self._selected if name in self._selected else frozenset(self.models)
        return {target: need for target, need in sorted(self._needs[name].items()) if need.required or target in kept}

    def _gone(self, name: str) -> DesiredService:
        """Not in the rendered model: its Compose profile is not active, or it left the file."""
        before = self._previous.get(name)
        if before is None:
            before = DesiredService(name, 0, Revision(""), Template(name, "", ""))
        needs = {
            target: need for target, need in before.needs.items() if target in self._previous or target in self.models
        }
        return replace(before, replicas=0, needs=needs, leaving=self._leaving(name))

    def _leaving(self, name: str) -> Leaving:
        if name in self._sources.declared:
            before = self._previous.get(name)
            ours = before is not None and before.leaving is not Leaving.ORPHANED
            return Leaving.OUT_OF_PROFILE if ours else Leaving.ORPHANED
        return Leaving.REMOVED if self._stack_policy.prune else Leaving.ORPHANED

    def _template(self, name: str, model: compose.Model) -> Template:
        recorded = self._sources.recording.templates.get(name)
        if recorded is None:
            return Template(name, "", revisions.fingerprint(model), namespace_of=compose.namespace_owner(model))
        folder = self._sources.certificates
        wants = folder and asks_for_certificates(self._sources.manifest, name)
        return lay_mount(recorded, f"{folder}/{name}") if wants else recorded

    def _revision(self, name: str, template: Template) -> Revision:
        before = self._previous.get(name)
        now = self._revision_now(name, template)
        if before is None or before.template.fingerprint != template.fingerprint:
            return now
        unknown = self._sources.contents.get(name, "") is None
        # Unreadable is unknown, never changed; and where new contents do not roll, the old revision stays what it is.
        return before.revision if unknown or self._stack_policy.contents is not ContentsPolicy.ROLL else now

    def _revision_now(self, name: str, template: Template) -> Revision:
        contents, image_id = self._sources.contents.get(name), self._sources.image_ids.get(name)
        return revisions.revision(template, contents or "", image_id or "")

    def _contents_changed(self, name: str, template: Template) -> bool:
        """Only told where the policy says so; elsewhere they roll, or are nobody's business."""
        if self._stack_policy.contents is not ContentsPolicy.REPORT or self._sources.contents.get(name, "") is None:
            return False
        return self._revision(name, template) != self._revision_now(name, template)


def _tell_contents(services: Mapping[str, DesiredService]) -> Iterator[Finding]:
    changed = [name for name, service in services.items() if service.contents_changed and service.leaving is None]
    if changed:
        message = f"configs, secrets or mounted files have new contents, which is only told: {', '.join(changed)}"
        yield at(("spec", "reconcile", "contents"), message, hint="contents: roll replaces the services")


def _stack(sources: Sources, services: Mapping[str, DesiredService]) -> DesiredStack:
    name, profile = sources.rendered.name, _profile(sources)
    stack_policy = policy.resolve_policy(sources.manifest)
    # What is gone from the model does not count: it would make a generation when its last container is removed.
    counted = {key: service for key, service in services.items() if key in _models(sources)}
    digest = revisions.stack_digest(name, counted, stack_policy, profile)
    return DesiredStack(name, services, digest, policy=stack_policy, profile=profile, source=sources.source)
