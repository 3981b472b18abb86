"""From a target to a stack that can be reconciled: render, record, resolve, number; cached by what it is made of."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from controller.decide.patience import widen_all
from controller.engines.base import Engine, Scope
from controller.engines.plugin import mark_plugin
from controller.intake.alerting import read_policy
from controller.intake.certified import read_certified, read_ingress_certified
from controller.intake.contents import contents_digests, contents_files
from controller.intake.findings import locate
from controller.intake.ingress import read_ingress
from controller.intake.inputs import Inputs, rendering_key
from controller.intake.learned import warn_learned
from controller.intake.managed import check_managed, managed_by
from controller.intake.metrics import read_metrics
from controller.intake.resolve import Resolution, Sources, resolve
from controller.intake.resources import read_resources
from controller.intake.targets import Target
from controller.intake.windows import find_refused
from controller.loop.confining import check_plan, check_unrecorded
from controller.loop.ingress_pair import warn_pair
from controller.loop.loaded import Loaded
from controller.loop.memory import ProjectPlace, StackMemory
from controller.loop.store import Store
from controller.model.certified import MOUNTS as CERTIFICATES
from controller.model.decision import Hold
from controller.model.delivered import MOUNTED, NO_DELIVERY, Delivery
from controller.model.desired import DesiredService, DesiredStack
from controller.model.errors import EngineError, Finding, InvalidInput
from controller.model.generation import UNTOLD, Cause, Ending, Generation
from controller.model.names import Instant
from controller.model.observed import Observed
from controller.model.project import ImageDefaults, Recording, RenderedProject
from controller.model.timings import Span

if TYPE_CHECKING:
    from controller.loop.delivery import Keys
    from controller.loop.gate import Gate
    from controller.loop.scanning import Written


def render_target(engine: Engine, target: Target) -> RenderedProject:
    """What Compose makes of the target's files, checked against what was expected of its name. Needs no engine."""
    try:
        rendered = engine.render(target.project)
    except InvalidInput as error:
        raise InvalidInput(locate(error.findings, target.documents)) from None
    if target.manifest is None and target.name and rendered.name != target.name:
        message = f"the stack is called '{target.name}', but its Compose project is '{rendered.name}'"
        hint = f"set COMPOSE_PROJECT_NAME={rendered.name}"
        raise InvalidInput((Finding(message, file=target.place.split(":")[0], hint=hint),))
    return rendered


def resolve_target(engine: Engine, target: Target, rendered: RenderedProject) -> Resolution:
    """The desired stack, or what is wrong, with places. Without a recording revisions are Compose's model's."""
    found = _with_pair(resolve(_sources(engine, target, rendered, None)), target)
    faults = check_unrecorded(found.stack, rendered) if found.stack is not None else ()
    faults = (*faults, *check_managed(target.manifest, rendered.model))
    return _located(replace(found, stack=None, errors=faults) if faults else found, target)


def _folder_of(target: Target) -> Path:
    """To which its manifest's paths are relative."""
    return target.path.parent if target.path else target.project.directory


def _with_pair(found: Resolution, target: Target) -> Resolution:
    return replace(found, warnings=(*found.warnings, *warn_pair(target.manifest, _folder_of(target))))


def load_target(
    engine: Engine,
    target: Target,
    store: Store,
    previous: Mapping[str, DesiredService],
    keys: Keys | None = None,
) -> Loaded:
    """The target, ready to be reconciled. Starts no process where nothing changed. Raises InvalidInput, EngineError.

    `keys`: where the encryption keys come from that open its secrets; None: there are none.
    """
    target, delivery = _with_secrets(engine, target, store, keys)
    rendered, recording = _render_cached(engine, target, store)
    sources = replace(
        _sources(engine, target, rendered, recording),
        present=_present(engine, rendered.name),
        certificates=str(store.folder.resolve() / CERTIFICATES) if engine.capabilities.leads_traffic else "",
    )
    resolution = _check_networks(resolve(sources, previous or last_services(store)))
    resolution = _located(_with_pair(resolution, target), target)
    if resolution.stack is None:
        raise InvalidInput(resolution.errors)
    desired, told = _heed_learned(resolution.stack, target, rendered, store)
    gate = _make_gate(engine, target, rendered, store)
    if gate is not None:
        from controller.loop.scanning import today

        desired = replace(desired, barred=gate.barred(today()))
    folder = _folder_of(target)
    return Loaded(
        place=target.place,
        project=replace(target.project, name=rendered.name),
        rendered=rendered,
        desired=desired,
        inputs=(*target.inputs.files, *contents_files(rendered, target.project)),
        variables=target.inputs.given,
        blank=tuple(sorted(target.inputs.blank)),
        warnings=(*resolution.warnings, *told),
        hold=_missing_variables(store.stack.load(), target.inputs),
        manifest=target.path,
        quiet=target.manifest is None and target.through_folder,
        ingress=read_ingress(target.manifest, folder, target.inputs.ingress_image),
        alerts=read_policy(target.manifest),
        metrics=read_metrics(target.manifest, folder),
        resources=read_resources(target.manifest),
        gate=gate,
        written=_write_down(target, rendered),
        declared=sources.declared,
        certified={
            **read_certified(target.manifest, rendered.model, desired.services),
            **read_ingress_certified(target.manifest, desired.services, os.getuid()),
        },
        contents={name: found for name, found in sources.contents.items() if found},
        delivery=delivery,
    )


def _with_secrets(engine: Engine, target: Target, store: Store, keys: Keys | None) -> tuple[Target, Delivery]:
    """What the controller gives of secrets, in its place. The user's files alone are rendered once for that."""
    if not managed_by(target.manifest):
        return target, NO_DELIVERY
    from controller.loop.delivery import deliver  # loaded for those who ask for it

    key = rendering_key(target.project, target.inputs, mark_plugin(target.project.environment))
    found = store.renderings.load(key) if not target.inputs.unknown else None
    rendered = render_target(engine, target) if found is None else found[0]
    if found is None:
        store.renderings.save(key, rendered, None)
    return deliver(engine, target, rendered, store.folder, keys)


def _make_gate(engine: Engine, target: Target, rendered: RenderedProject, store: Store) -> Gate | None:
    """What the manifest lets be started; None: all of it, and nothing is scanned."""
    if target.manifest is None or target.manifest.spec.security.scan.fail_on is None:
        return None
    from controller.loop.gate import make_gate  # loaded for those who ask for it

    return make_gate(engine, target, rendered, store.folder.parent.parent)


def _check_networks(resolution: Resolution) -> Resolution:
    faults = check_plan(resolution.stack) if resolution.stack is not None else ()
    return replace(resolution, stack=None, errors=faults) if faults else resolution


def _write_down(target: Target, rendered: RenderedProject) -> Written | None:
    """What a scan looks at; None: the manifest asks for none."""
    if target.manifest is None or not target.manifest.spec.security.asks_for_scans:
        return None
    from controller.loop.scanning import write_down

    return write_down(target, rendered)


def _heed_learned(
    stack: DesiredStack, target: Target, rendered: RenderedProject, store: Store
) -> tuple[DesiredStack, tuple[Finding, ...]]:
    """The stack with the time that its services are known to take, and what is told of that. No new generation."""
    if not stack.policy.optimization.learned_timeouts:
        return stack, ()
    timings, models = store.timings.load(Span.OWN), rendered.model.get("services") or {}
    told = warn_learned(stack, models, target.manifest, timings)
    return widen_all(stack, timings), locate(told, target.documents)


def commit_generation(
    loaded: Loaded,
    target: Target,
    store: Store,
    now: Instant,
    profile: str | None = None,
    cause: Cause = UNTOLD,
) -> Loaded:
    """Number the generation and remember where the stack comes from, and the profile that was asked for by hand.

    Only the stack's one writer calls it. `cause`: told of a generation that is new.
    """
    desired = loaded.desired
    with store.transaction():
        made = store.stack.generation_of(_generation(loaded, now, cause), loaded.rendered.model.get("services") or {})
        store.stack.keep_revisions(desired.services.values())
        _sweep_secrets(store, loaded.delivery)
        store.stack.save(replace(store.stack.load(), place=place_of(target), source=desired.source, profile=profile))
    return replace(loaded, desired=replace(desired, generation=made.number))


def _sweep_secrets(store: Store, delivery: Delivery) -> None:
    """Values that nobody has or can go back to any more go."""
    if (store.folder / MOUNTED).is_dir():
        from controller.loop.delivery import sweep

        sweep(store.folder, delivery, (one.template.body for one in store.stack.revisions().values()))


def changed(loaded: Loaded, before: Loaded | None = None) -> str:
    """Why there is a new generation of files that nobody applied, for people."""
    if before is not None and loaded.delivery.files != before.delivery.files and loaded.variables == before.variables:
        return "a secret changed"
    return f"{loaded.desired.source or loaded.place} changed"


def _generation(loaded: Loaded, now: Instant, cause: Cause) -> Generation:
    desired = loaded.desired
    return Generation(
        number=0,
        digest=desired.digest,
        at=now,
        services=tuple(name for name, service in desired.services.items() if service.leaving is None),
        variables=tuple(sorted(loaded.variables)),
        source=desired.source,
        revisions={name: service.revision for name, service in desired.services.items()},
        contents=loaded.contents,
        cause=cause,
        ending=Ending.PROGRESSING,
    )


def present_generation(loaded: Loaded, store: Store) -> Loaded:
    """The number that the generation has, or would get; writes nothing."""
    last = store.stack.last_generation()
    number = 1 if last is None else last.number if last.digest == loaded.desired.digest else last.number + 1
    return replace(loaded, desired=replace(loaded.desired, generation=number))


def last_services(store: Store) -> Mapping[str, DesiredService]:
    """The services of the generation before this process began, with those that it was to lose."""
    last = store.stack.last_generation()
    if last is None:
        return {}
    if not last.revisions:  # kept by an older version
        return {name: kept for (name, _), kept in store.stack.revisions().items() if name in last.services}
    kept = store.stack.revisions(last.revisions.items())
    return {name: service for (name, _), service in kept.items()}


def place_of(target: Target) -> ProjectPlace:
    project = target.project
    return ProjectPlace(
        manifest=None if target.path is None else str(target.path),
        directory=str(project.directory),
        files=tuple(map(str, project.files)),
        env_files=tuple(map(str, project.env_files)),
        profiles=project.profiles,
    )


def _render_cached(engine: Engine, target: Target, store: Store) -> tuple[RenderedProject, Recording | None]:
    """What cannot be followed by us (`inputs.unknown`) is rendered each time: only Compose knows its content."""
    key = rendering_key(target.project, target.inputs, mark_plugin(target.project.environment))
    found = store.renderings.load(key) if not target.inputs.unknown else None
    if found is not None and found[1] is not None:
        return found
    rendered = render_target(engine, target)
    recording = _record(engine, target, rendered)
    store.renderings.save(key, rendered, recording)
    return rendered, recording


def _record(engine: Engine, target: Target, rendered: RenderedProject) -> Recording:
    """What Compose would send; what it refuses for the engine's age with its place."""
    try:
        return engine.record(replace(target.project, name=rendered.name), rendered)
    except EngineError as error:
        if refused := find_refused(error.message, rendered.model.get("services") or {}):
            raise InvalidInput(locate(refused, target.documents)) from None
        raise


def _present(engine: Engine, name: str) -> frozenset[str]:
    """Services that have containers now, for those that are in no file any more. Raises EngineError: no guess."""
    observed: Observed = engine.observe(Scope(name))
    return frozenset(service for service, view in observed.services.items() if view.replicas)


def _sources(engine: Engine, target: Target, rendered: RenderedProject, recording: Recording | None) -> Sources:
    return Sources(
        rendered=rendered,
        recording=recording or Recording({}),
        manifest=target.manifest,
        profile=target.profile,
        contents=contents_digests(rendered, target.project),
        declared=frozenset(target.inputs.services),
        source=target.place,
        image_defaults=_ask_once(engine.image_defaults),
        leads_traffic=engine.capabilities.leads_traffic,
    )


def _ask_once(ask: Callable[[str], ImageDefaults | None]) -> Callable[[str], ImageDefaults | None]:
    """The same, each image once, and nobody any more after an engine that did not answer: it may take its time."""
    known: dict[str, ImageDefaults | None] = {}
    away = False

    def answer(image: str) -> ImageDefaults | None:
        nonlocal away
        if image not in known and not away:
            try:
                known[image] = ask(image)
            except EngineError:
                away = True
        return known.get(image)

    return answer


def _located(resolution: Resolution, target: Target) -> Resolution:
    return replace(
        resolution,
        errors=locate(resolution.errors, target.documents),
        warnings=(*target.inputs.remarks, *locate(resolution.warnings, target.documents)),
    )


def _missing_variables(memory: StackMemory, inputs: Inputs) -> Hold | None:
    """A variable that was set at the last convergence and is unset now is a forgotten shell or file, not a wish."""
    missing = sorted((set(memory.variables) & inputs.variables) - inputs.given)
    if not missing:
        return None
    names = ", ".join(missing)
    message = f"set at the last convergence, unset now: {names}. Set them, or remove them from the Compose file"
    return Hold("EnvironmentIncomplete", message)
