"""What a person can do about a service that is not as it should be, the most likely first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from signal import Signals
from typing import NamedTuple

from controller.model.decision import Freeze
from controller.model.names import Instant
from controller.model.observed import Health, Replica
from controller.model.phases import SICK, Phase
from controller.model.status import Condition, ServiceStatus

SUSPECT = 3600.0
"""A change so many seconds before a trouble may well be its cause."""


class End(NamedTuple):
    """How the last life that ended did so. `code` None: nobody knows."""

    code: int | None = None
    oom: bool = False


UNKNOWN = End()
OF_ITS_OWN = frozenset({"JobFailed", "UpdateFailed", "RollbackFailed"})
"""Reasons that end like those of calls that failed, and are none."""


class Evidence(NamedTuple):
    """What is known of a trouble. `chain`: who waits for whom; `held`: what is in the way of the whole stack.

    `end`: of the witness, where it may be why; `refused`: a call for the last of the chain failed lately.
    """

    stack: str
    chain: tuple[ServiceStatus, ...]
    witness: Replica | None
    end: End
    held: tuple[Condition, ...]
    refused: bool


def advise(seen: Evidence, now: Instant) -> tuple[str, ...]:
    """For the last of the chain. Empty only where that is ready and nobody waits for it."""
    chain, root = seen.chain, seen.chain[-1]
    first = _by_condition(seen.stack, root, seen.held)
    if not first and _starts_as_usual(seen, now):
        return ("nothing: it is starting as it usually does",)
    if root.phase in (Phase.READY, Phase.COMPLETED):
        return (f"nothing: {root.name} is {root.phase}, and {chain[-2].name} follows",) if len(chain) > 1 else ()
    if root.reason == Freeze.HELD and first:
        return first
    then = _by_reason(root) or _by_call(root, seen.refused) or _COMMANDS.get(root.phase)
    then = then or (_LOOK if root.replicas else _BEGIN)
    told = (*first, *(() if root.phase in _BY_WILL else _by_life(root, seen.witness, seen.end)), *then)
    return tuple(dict.fromkeys(line.format(root.name) for line in told))


def _starts_as_usual(seen: Evidence, now: Instant) -> bool:
    """Not after an end: then it is no ordinary start, however short it is yet."""
    root = seen.chain[-1]
    if root.phase is not Phase.STARTING or root.usually is None or now - root.since > 3 * root.usually:
        return False
    return seen.end == UNKNOWN and not _falls_over(seen.witness)


def _falls_over(witness: Replica | None) -> bool:
    """Docker's own policy started it, nobody else knows after what."""
    return witness is not None and witness.restarts > 0


def advise_on_change(root: ServiceStatus, number: int, before: float) -> tuple[str, ...]:
    """Where it was changed so many seconds before, in that revision."""
    if before > SUSPECT or root.phase not in SICK:
        return ()
    look = f"controller rollout history {root.name} --revision {number} --diff, for what was changed"
    return (look,) if root.reason in _NOT_UNDONE else (look, _UNDO.format(root.name))


def without_undo(root: ServiceStatus, advice: Sequence[str]) -> tuple[str, ...]:
    """Where there is nothing to go back to."""
    return tuple(line for line in advice if line != _UNDO.format(root.name))


_UNDO = "controller rollout undo {0}, to go back to what was before"
_BY_WILL = frozenset({Phase.PAUSED, Phase.STOPPED, Phase.READY, Phase.COMPLETED})
_NOT_UNDONE = frozenset({"RolledBack", "RollbackFailed", "JobFailed"})
"""Reasons for which an undo is of no use, or refused: there already, it failed there, or a job."""

_LOOK = ("controller logs {0}", "controller describe {0}")
_BEGIN = ("controller events {0}", "controller apply, where no controller keeps the stack")
_MENDED = ("controller logs {0}", "controller retry {0}, once it is mended")
_COMMANDS: Mapping[Phase, tuple[str, ...]] = {
    Phase.PAUSED: ("controller resume {0}",),
    Phase.STOPPED: ("controller start {0}",),
    Phase.CRASH_LOOP: _MENDED,
    Phase.FAILED: _MENDED,
    Phase.DEGRADED: _MENDED,
    Phase.UPDATING: ("controller rollout status {0}, to follow its update", "controller logs {0}"),
    Phase.ROLLING_BACK: ("controller rollout status {0}, to follow it back", "controller rollout history {0}"),
}
_CHECK = "see in its last output why its check does not pass; where it only needs longer: a longer `startup.timeout`"
_AFTER_FAILURE = ("mend it in its files, then controller apply", "controller retry {0}, to try the same again")
_BY_REASON: Mapping[str, tuple[str, ...]] = {
    "NotReady": (_CHECK, "controller logs {0}"),
    "Unhealthy": (_CHECK, "controller logs {0}", "controller rollout restart {0}, for new replicas"),
    "SelfHealOff": ("`selfHeal` is off: controller rollout restart {0}, or `selfHeal: true`", "controller logs {0}"),
    "RolledBack": _AFTER_FAILURE,
    "UpdatePaused": (*_AFTER_FAILURE, _UNDO),
    "RollbackFailed": ("controller logs {0}", *_AFTER_FAILURE),
    "Pinned": ("controller rollout resume {0}, for what its files ask for",),
    "UpdateHalted": ("controller rollout resume {0}",),
    "OutOfProfile": ("choose a profile that has it: controller apply --profile NAME",),
    "Orphaned": ("controller prune, to remove it, or give it back to the Compose file",),
    "WaitingForSlot": ("nothing: it starts once others have",),
    "PortTaken": ("free the host port (`ss -ltnp` says who has it), or publish another one",),
    "InsufficientMemory": (
        "stop something that is needed less, or reserve less (deploy.resources.reservations, resources.reserve)",
        "nothing more: it starts by itself when there is room",
    ),
    "InsufficientCPU": ("reserve fewer cores (deploy.resources.reservations.cpus), or stop something that has some",),
    "InsufficientDisk": ("controller cleanup --dry-run, for what is unused on the disk of Docker's data",),
    "ExceedsMachine": ("reserve less (deploy.resources.reservations), or run it on a larger machine",),
    "VolumeInUse": ("stop who has the volume, or take it out of `exclusiveVolumes`",),
    "Insecure": ("controller scan {0}, for each finding with its mend", "waive it in the manifest, where it is meant"),
    "ImageNeverPulled": ("load or build the image, or choose another `pull_policy`",),
    "ImagePullBackOff": (
        "look at the image's name and tag, the registry's login and the network; `docker compose pull {0}` shows more",
        "controller retry {0}, once it is mended",
    ),
    "FetchingImage": ("nothing: its image is being pulled",),
    "BuildingImage": ("nothing: its image is being built",),
    "IngressUnavailable": ("controller doctor",),
}
_FALLS_OVER = "it falls over: controller logs {0}, for what it said before each end"
_PAUSED_OUTSIDE = ("`selfHeal` is off: docker unpause its container, or controller rollout restart {0}",)
_BY_HOLD: Mapping[str, tuple[str, ...]] = {
    "AdoptionHeld": ("controller plan, for what would be changed", "controller adopt {1}, to go on"),
    "MassRemovalHeld": ("controller plan, for what would be removed", "controller confirm {1}, to go on"),
    "EnvironmentIncomplete": ("set these variables, as in `.env`, or take them out of the Compose file",),
    "Released": ("controller adopt {1}, to take it over again",),
    "ForeignWriter": ("nothing: it goes on by itself once the other one has ended",),
}
_BY_STACK: Mapping[str, tuple[str, ...]] = {
    "EngineUnavailable": ("controller doctor, for what is wrong with the engine",),
    "GenerationHeld": ("controller validate, for what is wrong with the files",),
    "IngressUnavailable": ("controller doctor",),
    "VaultLocked": ("give the key that the secrets were encrypted with, in ENCRYPTION_KEY_FILE",),
}
"""What is in the way of all services, whatever is wrong with one."""


def _by_condition(stack: str, root: ServiceStatus, held: Sequence[Condition]) -> tuple[str, ...]:
    known = {**_BY_STACK, **_BY_HOLD} if root.reason == Freeze.HELD else _BY_STACK
    return tuple(line.format(root.name, stack) for item in held for line in known.get(item.type, ()))


def _by_reason(root: ServiceStatus) -> Sequence[str] | None:
    if root.reason == Freeze.PAUSED and root.phase is Phase.DEGRADED:
        return _PAUSED_OUTSIDE  # by a strange hand: no pause of ours
    return _BY_REASON.get(root.reason)


def _by_call(root: ServiceStatus, refused: bool) -> tuple[str, ...]:
    """What the engine refused, or somebody who is not there is waited for."""
    named = root.reason.endswith("Failed") and root.reason not in OF_ITS_OWN
    if named or (refused and root.phase is Phase.PENDING):
        return ("mend what the engine refuses, as it says above; `controller doctor` may know more", _MENDED[1])
    if root.waits_for is not None:
        return (f"let {root.waits_for} be part of the stack, or take it out of what {{0}} depends on",)
    return ()


_EXIT_CODES = {
    126: "exit code 126: its command is not executable; look at `command`, `entrypoint` and the image's architecture",
    127: "exit code 127: its command was not found in the image; look at `command` and `entrypoint`",
    137: "exit code 137: it was killed (SIGKILL), by a person, by its stop timeout, or for want of memory",
    139: "exit code 139: it crashed (segmentation fault); try another version of the image",
    143: "exit code 143: it was asked to end (SIGTERM) and did",
}
_BY_ITSELF = "exit code 0: it ended by itself; say `job: true` if it is a job, else keep its command in the foreground"


def _by_life(root: ServiceStatus, witness: Replica | None, end: End) -> tuple[str, ...]:
    """How it ended; of what was restarted though it had not ended, that its check does not pass."""
    if end == UNKNOWN and root.phase in (Phase.STARTING, Phase.CRASH_LOOP) and _falls_over(witness):
        return (_FALLS_OVER,)
    if end == UNKNOWN and root.phase is Phase.CRASH_LOOP and witness is not None and witness.health is not Health.NONE:
        return (_CHECK,)
    return _by_end(witness, end)


def _by_end(witness: Replica | None, end: End) -> tuple[str, ...]:
    if end.oom:
        return ("raise its memory limit (deploy.resources.limits.memory): the kernel killed it for want of memory",)
    if end.code is None:
        return ()
    if end.code == 0 and witness is not None and not witness.running:
        return (_BY_ITSELF,)
    if said := _EXIT_CODES.get(end.code) or _by_signal(end.code):
        return (said,)
    sick = witness is not None and witness.health is Health.UNHEALTHY
    return () if sick or not end.code else (f"exit code {end.code}: an error of its own, which its last output tells",)


def _by_signal(code: int) -> str | None:
    try:
        return f"exit code {code}: it was ended by {Signals(code - 128).name}"
    except ValueError:
        return None
