"""Whether a service's replicas are replaced stop-first or start-first, and why. Pure.

One rule a row: what of a service forbids that an old and a new replica of it run side by side (docs/updates.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from controller.intake.compose import Model, read_ports
from controller.intake.findings import Path, at
from controller.model.desired import Order, Port
from controller.model.errors import Finding
from controller.model.routes import Frontend

BARE = "a bare Compose file: stop-first unless it asks for more"
FREE = "nothing forbids it"
UNKNOWN = "its image is not here: whether that declares a VOLUME is not known"

_NAMESPACES = {"network_mode": "network", "pid": "pid namespace", "ipc": "ipc namespace"}


@dataclass(frozen=True, slots=True)
class Bonds:
    """Which services link to one, join a namespace of it, mount its volumes (`volumes_from`)."""

    linkers: tuple[str, ...] = ()
    sharers: tuple[str, ...] = ()
    borrowers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Traits:
    """What the choice follows from. `led`: what the ingress takes of it; None: there is none.

    `image_volumes`: where its image declares a VOLUME (None: not known); asked last, and only if it matters.
    """

    model: Model
    replicas: int = 1
    bonds: Bonds = Bonds()
    led: tuple[Frontend, ...] | None = None
    image_volumes: Callable[[], tuple[str, ...] | None] = lambda: ()


class Obstacle(NamedTuple):
    """Why start-first is not for a service, as what follows its name; and what goes wrong where it is done anyhow."""

    because: str
    harm: str


class Choice(NamedTuple):
    """An order. `because`: why it was chosen, "" where it was asked for. `against`: what was asked for against."""

    order: Order
    because: str = ""
    against: tuple[Obstacle, ...] = ()


def asked_order(said: str | None, composed: Order | None) -> Order | None:
    """What was asked for: the manifest's order over Compose's. None: it is to be chosen (`auto`, or nobody says)."""
    if said is None:
        return composed
    return None if said == "auto" else Order(said)


def choose(asked: Order | None, bare: bool, traits: Traits) -> Choice:
    """What is asked for wins; else start-first where nothing forbids it. `bare`: there is no manifest."""
    if asked is Order.STOP_FIRST:
        return Choice(asked)
    if asked is Order.START_FIRST:
        return Choice(asked, against=(*_obstacles(traits), *_image_obstacles(traits)))
    if bare:
        return Choice(Order.STOP_FIRST, BARE)
    against = tuple(_obstacles(traits)) or tuple(_image_obstacles(traits, UNKNOWN))
    if against:
        return Choice(Order.STOP_FIRST, ", ".join(obstacle.because for obstacle in against))
    return Choice(Order.START_FIRST, FREE)


def warn_against(name: str, choice: Choice, place: Path) -> Iterator[Finding]:
    """An order that was asked for against a rule is kept, and each rule is told."""
    for because, harm in choice.against:
        message = f"'{name}' is replaced {choice.order}, as asked for, but it {because}: {harm}"
        yield at(place, message, hint="set order: stop-first, or auto to have it chosen")


def read_bonds(models: Mapping[str, Model]) -> Mapping[str, Bonds]:
    """Who else of the project hangs on each service; those on whom nobody does are left out."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, model in models.items():
        for kind, target in _bonds(model):
            found[target][kind].add(name)
    return {target: Bonds(**{kind: tuple(sorted(kinds[kind])) for kind in kinds}) for target, kinds in found.items()}


def _bonds(model: Model) -> Iterator[tuple[str, str]]:
    yield from (("linkers", link.split(":")[0]) for link in model.get("links") or ())
    modes = _modes(model).values()
    yield from (("sharers", mode.removeprefix("service:")) for mode in modes if mode.startswith("service:"))
    lenders = (entry for entry in model.get("volumes_from") or () if not entry.startswith("container:"))
    yield from (("borrowers", lender.split(":")[0]) for lender in lenders)


def _modes(model: Model) -> Mapping[str, str]:
    return {key: str(model.get(key) or "") for key in _NAMESPACES}


# --- the rules: the words that follow "it", None where the rule does not apply


def _writable_mount(traits: Traits) -> str | None:
    for mount in traits.model.get("volumes") or ():
        if mount.get("type") not in ("tmpfs", "image") and not mount.get("read_only"):
            return f"mounts the {_tell_mount(mount)}"
    return None


def _tell_mount(mount: Model) -> str:
    if mount.get("type") == "bind":
        return f"writable path {mount.get('source')}"
    return f"writable volume {mount['source']}" if mount.get("source") else f"anonymous volume {mount.get('target')}"


def _borrowed_volumes(traits: Traits) -> str | None:
    lenders = (entry for entry in traits.model.get("volumes_from") or () if not entry.endswith(":ro"))
    lender = next((entry.removeprefix("container:").split(":")[0] for entry in lenders), None)
    return lender and f"mounts the volumes of {lender}"


def _lent_volumes(traits: Traits) -> str | None:
    return _by("has volumes that {} with volumes_from", traits.bonds.borrowers, "mounts", "mount")


def _container_name(traits: Traits) -> str | None:
    name = traits.model.get("container_name")
    return name and f"has the container_name {name}"


def _linked(traits: Traits) -> str | None:
    return f"is linked to by {_and(traits.bonds.linkers)}" if traits.bonds.linkers else None


def _owned_namespace(traits: Traits) -> str | None:
    return _by("owns a namespace that {}", traits.bonds.sharers, "shares", "share")


def _full_ports(traits: Traits) -> str | None:
    return _published(traits, lambda port: _spare(port, traits.replicas) <= 0)


def _other_ports(traits: Traits) -> str | None:
    return _published(traits, lambda port: _spare(port, traits.replicas) > 0)


def _static_address(traits: Traits) -> str | None:
    for network in (traits.model.get("networks") or {}).values():
        for key in ("ipv4_address", "ipv6_address", "mac_address", "link_local_ips"):
            if address := (network or {}).get(key):
                return f"has the static address {address if isinstance(address, str) else _and(address)}"
    mac = traits.model.get("mac_address")
    return mac and f"has the static address {mac}"


def _foreign_namespace(traits: Traits) -> str | None:
    for key, mode in _modes(traits.model).items():
        if mode == "host":
            return f"uses the host's {_NAMESPACES[key]}"
        kind, _, owner = mode.partition(":")
        if kind in ("service", "container") and owner:
            return f"joins the {_NAMESPACES[key]} of {'container ' if kind == 'container' else ''}{owner}"
    return None


def _device(traits: Traits) -> str | None:
    for device in traits.model.get("devices") or ():
        return f"uses the device {device.split(':')[0] if isinstance(device, str) else device.get('source')}"
    reserved = [device for device in _reserved(traits.model) if not _is_gpu(device)]
    return "reserves a device" if reserved else None


def _gpu(traits: Traits) -> str | None:
    asks = bool(traits.model.get("gpus")) or any(map(_is_gpu, _reserved(traits.model)))
    return "uses a GPU" if asks else None


def _privileged(traits: Traits) -> str | None:
    return "is privileged" if traits.model.get("privileged") else None


def _reserved(model: Model) -> tuple[Model, ...]:
    resources: Model = (model.get("deploy") or {}).get("resources") or {}
    return tuple((resources.get("reservations") or {}).get("devices") or ())


def _is_gpu(device: Model) -> bool:
    return "gpu" in (device.get("capabilities") or ())


def _published(traits: Traits, wanted: Callable[[Port], bool]) -> str | None:
    for port in read_ports(traits.model):
        if wanted(port) and not (port.is_fixed and traits.led):
            return f"publishes {_tell_port(port)}{_tell_unled(port, traits)}"
    return None


def _tell_unled(port: Port, traits: Traits) -> str:
    if port.protocol != "tcp":
        return ""
    return ", which the ingress does not take" if traits.led is not None else " while the ingress is off"


def _tell_port(port: Port) -> str:
    kind = "" if port.protocol == "tcp" else f"{port.protocol.upper()} "
    if port.published is None:
        return f"{kind}port {port.target}"
    first, last = port.published
    return f"{kind}host port {first}" if first == last else f"{kind}host ports {first}-{last}"


def _spare(port: Port, replicas: int) -> int:
    """Host ports that nobody of the service needs; an engine that picks them always has another one."""
    return 1 if port.published is None else port.published[1] - port.published[0] + 1 - replicas


_NEVER = "so a new one can never start beside the old one"
_RULES: tuple[tuple[Callable[[Traits], str | None], str], ...] = (
    (_writable_mount, "old and new write to it at once"),
    (_borrowed_volumes, "old and new write to them at once"),
    (_lent_volumes, "who mounts them keeps those of the old replica until it is replaced too"),
    (_container_name, f"no two containers have one name, {_NEVER}"),
    (_linked, "the link is lost until who has it is replaced too"),
    (_owned_namespace, "who shares it stays in that of the old replica until it is replaced too"),
    (_full_ports, f"the old replica holds it, {_NEVER}"),
    (_other_ports, "who calls it there is cut off when the old replica stops"),
    (_static_address, f"no two containers have one address, {_NEVER}"),
    (_foreign_namespace, "old and new get in each other's way there"),
    (_device, "old and new use it at once"),
    (_gpu, "old and new use it at once"),
    (_privileged, "old and new may use the same of the host at once"),
)


def _obstacles(traits: Traits) -> Iterator[Obstacle]:
    for find, harm in _RULES:
        because = find(traits)
        if because:
            yield Obstacle(because, harm)


def _image_obstacles(traits: Traits, unknown: str = "") -> Iterator[Obstacle]:
    """The last rule. Where something else is mounted in its place, that has been judged already."""
    declared = traits.image_volumes()
    covered = {mount.get("target") for mount in traits.model.get("volumes") or ()}
    covered |= {entry.split(":")[0] for entry in traits.model.get("tmpfs") or ()}
    open_ones = [volume for volume in declared or () if volume.rstrip("/") not in {_bare(each) for each in covered}]
    if open_ones:
        yield Obstacle(
            f"has an image that declares VOLUME {_and(open_ones)}", "the new replica begins with an empty one"
        )
    elif declared is None and unknown:
        yield Obstacle(unknown, "")


def _bare(target: Any) -> str:
    return str(target).rstrip("/")


def _by(words: str, names: tuple[str, ...], one: str, many: str) -> str | None:
    return words.format(f"{_and(names)} {one if len(names) == 1 else many}") if names else None


def _and(names: Any) -> str:
    return " and ".join(names)
