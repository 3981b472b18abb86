"""What a strange hand changed on a container, as far as that is anybody's business."""

from __future__ import annotations

from collections.abc import Iterator

from controller.decide.joined import is_moved, strange_networks
from controller.decide.lacking import unlike
from controller.model.desired import DesiredService, DockerRestart, DriftPolicy
from controller.model.observed import Difference, Replica

AS_ASKED = "as asked for"
"""Of a setting whose value, which may be secret, is not told."""
_MAY_END = (DockerRestart.NO, DockerRestart.ON_FAILURE)
"""Restart policies of what may be a job; nobody knows before its end."""


def find_touched(replica: Replica, want: DesiredService) -> tuple[Difference, ...]:
    """Settings, networks and the name, less what may be other than it was made, and limits that are ours to change."""
    differences = (*find_differences(replica), *_find_strange(replica, want))
    if not differences:
        return ()  # nearly always
    ours = (*unlike(replica, want), *_find_moved(replica, want))
    return tuple(found for found in differences if found.path not in ours and not ignores(want, found.path))


def _find_strange(replica: Replica, want: DesiredService) -> Iterator[Difference]:
    """Networks to which it was connected besides."""
    for network in strange_networks(replica, want):
        yield Difference(f"Networks.{network}", "not connected", "connected")


def _find_moved(replica: Replica, want: DesiredService) -> tuple[str, ...]:
    """Networks that it lacks, where which it is on is ours to choose."""
    return tuple(f"Networks.{name}" for name in replica.lost) if is_moved(replica, want) else ()


def find_differences(replica: Replica) -> tuple[Difference, ...]:
    """All that is other than it was made, whosever business it is."""
    if not (replica.limits or replica.lost or replica.misjoined or replica.otherwise or replica.renamed):
        return ()  # nearly always
    return tuple(_all(replica))


def _all(replica: Replica) -> Iterator[Difference]:
    yield from replica.limits
    wanted = "found by its names" if replica.by_name is False else "connected"
    for network in replica.lost:
        yield Difference(f"Networks.{network}", wanted, f"not {wanted}")
    yield from replica.misjoined
    if replica.renamed:
        yield Difference("Name", replica.proper_name, replica.name)
    for path in replica.otherwise:
        yield Difference(path, AS_ASKED, f"not {AS_ASKED}", in_place=False)


def tell_difference(found: Difference) -> str:
    """`HostConfig.Memory is 128 MiB, not none`, `Networks.front is not connected`."""
    opposite = found.seen == f"not {found.wanted}" or found.wanted == f"not {found.seen}"
    return f"{found.path} is {found.seen}" + ("" if opposite else f", not {found.wanted}")


def ignores(want: DesiredService, path: str) -> bool:
    """Whether that field is nobody's business."""
    return any(path == name or path.startswith(f"{name}.") for name in want.ignore_drift)


def repairs(want: DesiredService, path: str) -> bool:
    """Whether that field is to be set back."""
    return want.drift is DriftPolicy.REPAIR and not ignores(want, path)


def is_beyond_repair(replica: Replica, want: DesiredService) -> bool:
    """Something is to be set back that only another container can have, and this one may be replaced for it."""
    return not may_be_job(want) and needs_another(replica, want)


def may_be_job(want: DesiredService) -> bool:
    """What it has done so far would be lost with it."""
    return bool(want.is_job) or (want.is_job is None and want.docker_restart in _MAY_END)


def needs_another(replica: Replica, want: DesiredService) -> bool:
    """Something is to be set back that only another container can have."""
    return any(not found.in_place and repairs(want, found.path) for found in replica.limits)
