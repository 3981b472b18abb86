"""`--profile P`: a startup profile, else a Compose profile, else an error that lists both (docs/manifest.md). Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from controller.intake.findings import at, locate, suggest
from controller.model.errors import Finding, InvalidInput
from controller.model.project import ComposeProject

if TYPE_CHECKING:
    from controller.intake.targets import Target
    from controller.model.manifest import Stack


def choose_profile(target: Target, asked: str | None) -> Target:
    """The target with its startup profile, and with the Compose profiles that its services need."""
    startup = tuple(target.manifest.spec.startup_profiles) if target.manifest else ()
    chosen = asked if asked is not None else _default(target.manifest)
    if chosen is None:
        return target
    if chosen in startup:
        return replace(target, profile=chosen, project=_activated(target, chosen))
    if asked is not None and asked in target.inputs.known_profiles:
        profiles = tuple(dict.fromkeys((*target.project.profiles, asked)))
        return replace(target, profile=_default(target.manifest), project=replace(target.project, profiles=profiles))
    raise InvalidInput(_unknown(target, chosen, asked is None))


def _default(manifest: Stack | None) -> str | None:
    return manifest.spec.profile if manifest else None


def _activated(target: Target, chosen: str) -> ComposeProject:
    """A service that is named is meant, whatever its Compose profile; `docker compose up NAME` does the same."""
    assert target.manifest is not None
    profiles = list(target.project.profiles)
    for name in target.manifest.spec.startup_profiles[chosen].services:
        own = target.inputs.services.get(name, frozenset())
        if own and not own & {*profiles, "*"}:
            profiles.append(min(own))
    return replace(target.project, profiles=tuple(profiles))


def _unknown(target: Target, chosen: str, written: bool) -> tuple[Finding, ...]:
    startup = sorted(target.manifest.spec.startup_profiles) if target.manifest else []
    compose = sorted(target.inputs.known_profiles)
    listed = f"startup profiles: {', '.join(startup) or 'none'}; Compose profiles: {', '.join(compose) or 'none'}"
    near = suggest(chosen, (*startup, *compose))
    hint = f"{near} {listed}" if near else listed
    if written:
        return locate(
            (at(("spec", "profile"), f"there is no startup profile '{chosen}'", hint=hint),), target.documents
        )
    return (Finding(f"stack '{target.name}' has no profile '{chosen}'", file=target.place.split(":")[0], hint=hint),)
