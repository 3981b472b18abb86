"""A service as it runs beside its definition: made alike, so that what differs is what somebody gave it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controller.model.running import Model
from controller.security.paths import is_below, is_engine_socket
from controller.security.reading import is_true, items, mapping, mounts, networks, pairs, text, words
from controller.security.rules.host import CREDENTIALS
from controller.security.rules.namespaces import SIDECAR
from controller.security.subject import Project

_UNSEEN = (
    "build",
    "pull_policy",
    "post_start",
    "pre_start",
    "pre_stop",
    "provider",
    "use_api_socket",
    "expose",
)
"""What of a definition no container shows."""
_COMMANDS = ("command", "entrypoint")
_COMPOSE = ("com.docker.compose.", "desktop.docker.io/")


def liken(project: Project, name: str, seen: Model) -> Model:
    """What runs, with what only a definition has, under the definition's names, and without what is taken from it.

    Variables and labels that the definition has are left to it: their values may come from elsewhere.
    """
    said = project.services.get(name, {})
    model: dict[str, Any] = {**{key: one for key, one in said.items() if key in _UNSEEN}, **seen}
    for key in ("environment", "labels"):
        known = {called for called, _ in pairs(said.get(key))} - {SIDECAR}
        given = {called: value for called, value in pairs(seen.get(key)) if called not in known}
        model[key] = {called: value for called, value in given.items() if not called.startswith(_COMPOSE)}
    for key in _COMMANDS:
        if words(said.get(key)) == words(seen.get(key)):
            model.pop(key, None)
    if _test(said) == _test(seen) and "healthcheck" in model:
        model["healthcheck"] = {"test": ["CMD", "true"]}
    model["volumes"] = [*_mounts(project, seen)]
    if reserved := mapping(mapping(said.get("deploy")).get("resources")).get("reservations"):
        model["deploy"] = {"resources": {"reservations": reserved}}
    if seen.get("networks"):
        keys = {text(mapping(spec).get("name")): key for key, spec in project.networks.items()}
        model["networks"] = [keys.get(one, one) for one in networks(seen)]
    return model


def _test(model: Model) -> list[str]:
    """Of a health check, as Compose and the engine have it."""
    found = mapping(model.get("healthcheck")).get("test")
    return ["CMD-SHELL", found] if isinstance(found, str) else [text(one) for one in items(found)]


def _mounts(project: Project, seen: Model) -> Iterator[Any]:
    """Without secrets and configs, which are mounts of files, too; and volumes by their keys."""
    files = {
        text(mapping(one).get("file")) for named in (project.secrets, project.configs) for one in named.values()
    } - {""}
    keys = {text(mapping(spec).get("name")): key for key, spec in project.volumes.items()}
    for one in items(seen.get("volumes")):
        source = text(mapping(one).get("source"))
        if source not in files:
            yield {**one, "source": keys.get(source, source)} if isinstance(one, Mapping) else one


def added(project: Project, name: str, seen: Model) -> Iterator[str]:
    """What else somebody gave it: folders of the host and networks that its definition does not name."""
    said = project.services[name]
    known = {(mount.source, mount.target) for mount in mounts(said)}
    for mount in mounts(seen):
        ours = is_below(mount.source, project.own_paths)  # the controller's own, which it mounts by itself
        asked = is_true(said.get("use_api_socket")) and (is_engine_socket(mount.source) or mount.target == CREDENTIALS)
        if mount.kind == "bind" and (mount.source, mount.target) not in known and not ours and not asked:
            yield f"a mount of {mount.source}"
    if not said.get("network_mode") and not seen.get("network_mode"):
        for network in sorted({*networks(seen)} - {*networks(said)}):
            if not network.startswith(f"{project.name}."):  # one of networkPolicy, or of the ingress
                yield f"the network {network}"
