"""Which services get certificates of the controller's own authority, and the mount by which they have them. Pure.

The template keeps Compose's own hash, and what it says of the mount never changes with a certificate: only whether a
service has one makes another revision of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from controller.intake.findings import Path, at
from controller.intake.ingress import has_pair, tls_ports
from controller.intake.revisions import digest
from controller.model.certified import INGRESS, MOUNT, NOBODY, Certified, TakeUp
from controller.model.desired import DesiredService, Template
from controller.model.errors import Finding

if TYPE_CHECKING:
    from controller.model.manifest import Stack
    from controller.model.manifest.security import Tls

SHORTEST, LONGEST = 600.0, 90 * 86400.0
"""Seconds that a certificate may last: below that it would be renewed all the time, above it nobody would notice that
it is not."""
_MOST_NAMES = 64
_OWNER = re.compile(r"(\d*)(?::(\d+))?", re.ASCII)
_PLACE: Path = ("spec", "security", "tls")


def asks_for_certificates(manifest: Stack | None, name: str) -> bool:
    """Whether the manifest wants that service, or the ingress, to have one of the stack's own authority."""
    if manifest is None:
        return False
    if name == INGRESS:
        return bool(tls_ports(manifest)) and not has_pair(manifest)
    tls = manifest.spec.security.tls
    return tls.mode == "internal" and (not tls.services or name in tls.services)


def lay_mount(template: Template, folder: str) -> Template:
    """The same with that folder, read-only, at its place; as it is where something else is mounted there."""
    if not template.body or has_other_mount(template):
        return template
    document = json.loads(template.body)
    host = document["create"]["HostConfig"]
    mount = {"Type": "bind", "Source": folder, "Target": MOUNT, "ReadOnly": True}
    host["Mounts"] = [*(host.get("Mounts") or ()), mount]
    body = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return replace(template, body=body, fingerprint=digest([template.fingerprint, "with certificates", folder]))


def has_other_mount(template: Template) -> bool:
    """Whether the user's files put something there."""
    host = json.loads(template.body)["create"]["HostConfig"] if template.body else {}
    bound = [str(bind).split(":")[1] for bind in host.get("Binds") or () if ":" in str(bind)]
    targets = [*bound, *(mount.get("Target", "") for mount in host.get("Mounts") or ()), *(host.get("Tmpfs") or ())]
    return MOUNT in (target.rstrip("/") for target in targets)


def read_certified(
    manifest: Stack | None, model: Mapping[str, Any], services: Mapping[str, DesiredService]
) -> Mapping[str, Certified]:
    """By service, of those that are made with the mount. `model` as Compose renders the files."""
    if manifest is None or manifest.spec.security.tls.mode == "off":
        return NOBODY
    written = model.get("services") or {}
    return {
        name: _certified(name, manifest.spec.security.tls, written, one)
        for name, one in services.items()
        if name in written and asks_for_certificates(manifest, name) and _is_mounted(one.template)
    }


def read_ingress_certified(
    manifest: Stack | None, services: Mapping[str, DesiredService], uid: int
) -> Mapping[str, Certified]:
    """The ingress, where it is to speak TLS and the user has no certificate for it. `uid`: as whom its proxy runs."""
    fronts = sorted({front for one in services.values() for front in one.frontends})
    if manifest is None or not fronts or not asks_for_certificates(manifest, INGRESS):
        return NOBODY
    asked = tls_ports(manifest)
    return {
        INGRESS: Certified(
            lifetime=manifest.spec.security.tls.lifetime,
            aliases=manifest.spec.ingress.tls.names,
            replicas=0,
            uid=uid,
            ends=tuple(_end(front.host_ip, front.host_port) for front in fronts if asked.covers(front)),
        )
    }


def _end(host_ip: str, port: int) -> tuple[str, int]:
    """Where this machine finds what is published there."""
    bare = host_ip.strip("[]")
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(bare, bare), port  # noqa: S104 - not listened on


def _is_mounted(template: Template) -> bool:
    host = json.loads(template.body)["create"]["HostConfig"] if template.body else {}
    mounts = (mount for mount in host.get("Mounts") or () if mount.get("Target") == MOUNT)
    return any(mount.get("Type") == "bind" and mount.get("ReadOnly") for mount in mounts)


def _certified(name: str, tls: Tls, written: Mapping[str, Any], service: DesiredService) -> Certified:
    said, model = tls.reload.get(name), written[name]
    uid, gid = read_owner(tls.owners.get(name) or str(model.get("user") or ""))
    made = Certified(
        lifetime=tls.lifetime,
        aliases=tuple(dict.fromkeys(_aliases(name, written))),
        replicas=min(_MOST_NAMES, 1 << max(service.replicas, 1).bit_length()),  # an update has more for a while
        ports=tls.ports.get(name, ()),
        uid=uid,
        gid=gid,
    )
    if said is None:
        return made
    return replace(made, take_up=TakeUp(said.mode), signal=said.signal, command=said.command)


def _aliases(name: str, written: Mapping[str, Any]) -> Iterator[str]:
    model = written[name]
    for network in (model.get("networks") or {}).values():
        yield from (network or {}).get("aliases") or ()
    yield from (str(model[key]) for key in ("container_name", "hostname") if model.get(key))
    for other in written.values():
        for link in other.get("links") or ():
            target, colon, alias = str(link).partition(":")
            if target == name and colon:
                yield alias


def read_owner(text: str) -> tuple[int | None, int | None]:
    """Of `uid`, `uid:gid` or `:gid`, in numbers; a name says nothing here."""
    found = _OWNER.fullmatch(text)
    if found is None:
        return None, None
    uid, gid = found.groups()
    return (int(uid) if uid else None), (int(gid) if gid else None)


def check_certified(manifest: Stack | None, known: frozenset[str]) -> Iterator[Finding]:
    """What cannot be as it is asked for. `known`: every service of the files."""
    if manifest is None:
        return
    tls = manifest.spec.security.tls
    named: list[tuple[Path, str]] = [(("services", number), name) for number, name in enumerate(tls.services)]
    for key, names in (("reload", tls.reload), ("owners", tls.owners), ("ports", tls.ports)):
        named += [((key, name), name) for name in names]
    for place, name in named:
        if name not in known:
            hint = f"there are: {', '.join(sorted(known))}"
            yield at((*_PLACE, *place), f"there is no service '{name}'", hint=hint)
    if not SHORTEST <= tls.lifetime <= LONGEST:
        yield at((*_PLACE, "lifetime"), f"a certificate cannot last {tls.lifetime:g} s", hint="give 10m to 90d")
    yield from _check_reload(tls)
    yield from _check_pair(tls)


def _check_reload(tls: Tls) -> Iterator[Finding]:
    for name, said in sorted(tls.reload.items()):
        if said.mode == "exec" and not said.command:
            place: Path = (*_PLACE, "reload", name, "command")
            yield at(place, f"'{name}' is to run a command, and none is given", hint="command: [nginx, -s, reload]")
    for name, owner in sorted(tls.owners.items()):
        if read_owner(owner) == (None, None):
            message = f"'{owner}' is no owner in numbers"
            yield at((*_PLACE, "owners", name), message, hint="give 999, 999:999 or :999, as `id` tells in a container")


def _check_pair(tls: Tls) -> Iterator[Finding]:
    if (tls.certificate is None) != (tls.key is None):
        given, lacking = ("certificate", "key") if tls.key is None else ("key", "certificate")
        yield at((*_PLACE, given), f"a {given} without its {lacking}", hint="give both, or neither")


def warn_certified(manifest: Stack | None, services: Mapping[str, DesiredService]) -> Iterator[Finding]:
    """Who gets none though it is asked for, as its files stand or Compose alone makes it."""
    for name, one in sorted(services.items()):
        if not asks_for_certificates(manifest, name) or one.leaving is not None:
            continue
        if one.template.body and not _is_mounted(one.template) and has_other_mount(one.template):
            message = f"'{name}' gets no certificate: its files mount something else at {MOUNT}"
            yield at((*_PLACE, "services"), message, hint="mount that elsewhere")
