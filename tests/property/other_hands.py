"""What others do on a random engine, and what a stack of ours leaves behind there."""

from __future__ import annotations

from dataclasses import replace

from controller.model.cleanup import ContainerSeen, ImageSeen, NetworkSeen
from controller.model.names import ImageId, ReplicaId
from controller.model.observed import ReplicaPhase
from tests.builders import NOW
from tests.property.held import DAY, PHASES, Holdings


def tag(held: Holdings) -> None:
    image = held.pick()
    held.images[image.id] = replace(image, names=(*image.names, "mine:1"), named_before=True)
    held.until[image.id] = NOW


def build_on(held: Holdings) -> None:
    """Somebody's image on one of these: it inherits the label, and the builder may not say what it was built on."""
    image = held.pick()
    says = held.chance.random() < 0.7
    made = replace(
        image,
        id=ImageId(f"{image.id}-child"),
        names=("mine:2",) if held.chance.random() < 0.5 else (),
        digests=(),
        parent=image.id if says else None,
        named_before=True,
        bytes=image.bytes + 5,
        created_at=NOW - 30 * DAY,
    )
    held.add(made, "user", NOW - 30 * DAY)


def commit(held: Holdings) -> None:
    """Of a container of Compose's: its labels say nothing then. Whether it says what it was made of depends."""
    image, says = held.pick(), held.chance.random() < 0.5
    made = replace(
        image,
        id=ImageId(f"{image.id}-commit"),
        names=("mine:3",) if held.chance.random() < 0.5 else (),
        digests=(),
        parent=image.id if says else None,
        project="",
        service="",
        created_at=NOW - 30 * DAY,
    )
    held.add(made, "user", NOW - 30 * DAY)


def mount(held: Holdings) -> None:
    """Somebody has an image as a volume."""
    image = held.pick()
    if image.names:
        number = len(held.containers)
        one = _container(held, f"mounts{number}", "other", one_off=False, image=ImageId("sha256:strange"))
        held.containers.append(replace(one, mounted=frozenset({held.chance.choice(image.names)})))
        held.owner[one.id] = "other"


def strange_image(held: Holdings) -> None:
    made = ImageSeen(ImageId("sha256:strange"), project="other", service="web", bytes=9, created_at=NOW - 40 * DAY)
    held.add(made, "other", NOW - 30 * DAY)


def strange_container(held: Holdings) -> None:
    chance, number = held.chance, len(held.containers)
    project = chance.choice(("", "other", "blog"))
    one = _container(held, f"strange{number}", project, one_off=chance.random() < 0.5, image=held.pick().id)
    held.containers.append(one)
    held.owner[one.id] = project or "user"


def _container(held: Holdings, name: str, project: str, *, one_off: bool, image: ImageId) -> ContainerSeen:
    chance = held.chance
    phase = chance.choice(PHASES)
    ended = NOW - chance.choice((1, 6, 8, 30)) * DAY if phase in (ReplicaPhase.EXITED, ReplicaPhase.DEAD) else None
    holder = chance.choice(held.containers).id if held.containers and chance.random() < 0.1 else ""
    networks = frozenset(chance.sample(("shop_default", "shop_old", "net-shop_old", "other_default"), 1))
    return ContainerSeen(
        ReplicaId(name), name, image, phase, project, "web", one_off, networks=networks, holder=holder, exit_code=0,
        bytes=chance.randrange(99), created_at=(ended or NOW) - chance.choice((0.0, 1, 8)) * DAY, ended_at=ended,
    )  # fmt: skip


def leftover(held: Holdings, number: int) -> None:
    """Of our stack: a one-off, or one that somebody was interrupted at making."""
    chance = held.chance
    if chance.random() < 0.7:
        one = _container(held, f"shop-run-{number}", "shop", one_off=True, image=held.pick().id)
    else:
        final = chance.choice(["nobody", *(c.name for c in held.containers if not (c.one_off or c.stands_for))])
        one = replace(
            _container(held, f"0123456789ab_{number}", "shop", one_off=False, image=held.pick().id),
            stands_for=final,
            phase=ReplicaPhase.CREATED,
            ended_at=None,
        )
    held.containers.append(one)
    held.owner[one.id] = "shop"


def connect(held: Holdings) -> None:
    for name, project in (("shop_default", "shop"), ("shop_old", "shop"), ("other_default", "other"), ("lone", "")):
        if held.chance.random() < 0.8:
            made = NetworkSeen(f"net-{name}", name, project, NOW - held.chance.choice((1, 30)) * DAY)
            held.networks.append(made)
            held.owner[made.id] = project or "user"
    held.wanted_networks = {"shop_default"}


OTHER_HANDS = (tag, build_on, commit, mount, strange_image, strange_container, strange_container)
