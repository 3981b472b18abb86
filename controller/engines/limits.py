"""Limits and the restart policy, which `docker update` changes on a container that runs: what of them is not as made.

Measured on Engine 20.10: what the create named can be set back exactly; of what it did not name, only the limit of
processes and the restart policy can be lifted again. 0, "" and what is left out mean: leave as it is. What was asked
for and is not there at all, no hand took away: the engine drops what its kernel lacks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from controller.engines.template import Request
from controller.model.observed import LIMITS, Difference

_BYTES = ("Memory", "MemorySwap", "MemoryReservation")
_RESTART = "RestartPolicy"
_LIFTED = {"PidsLimit": 0}
"""What takes back a limit that nobody asked for."""


def find_limits(request: Request, inspect: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What is other than the request names, by field. Swap counts only where it was asked for: else it follows."""
    wanted, seen = request.create["HostConfig"], inspect["HostConfig"]
    found = [
        Difference(f"HostConfig.{name}", _tell(name, want), _tell(name, there), bool(want) or name in _LIFTED)
        for name in LIMITS
        if name != _RESTART
        and (there := _value(seen, name)) is not None
        and (want := _value(wanted, name)) != there
        and (want or name != "MemorySwap")
    ]
    if restart_policy(wanted.get(_RESTART)) != restart_policy(seen.get(_RESTART)):
        found.append(Difference(f"HostConfig.{_RESTART}", _tell_policy(wanted), _tell_policy(seen)))
    return tuple(found)


def update_body(request: Request, inspect: Mapping[str, Any], paths: Collection[str]) -> Mapping[str, Any]:
    """What an update of the container has to say to set back what of these can be; empty: nothing."""
    wanted = request.create["HostConfig"]
    body: dict[str, Any] = {}
    for difference in find_limits(request, inspect):
        if difference.path not in paths:
            continue
        name = difference.path.removeprefix("HostConfig.")
        if name == _RESTART:
            body[name] = dict(zip(("Name", "MaximumRetryCount"), restart_policy(wanted.get(_RESTART)), strict=True))
        elif difference.in_place:
            body[name] = _value(wanted, name) or _LIFTED[name]
    if "Memory" in body:  # the engine refuses one that is above the swap limit of the other
        body.setdefault("MemorySwap", wanted.get("MemorySwap") or 2 * body["Memory"])
    return body


def _value(host: Mapping[str, Any], name: str) -> Any:
    """None where there is no such limit."""
    value = host.get(name)
    return None if value in (None, 0, "", -1) else value


def restart_policy(policy: Mapping[str, Any] | None) -> tuple[str, int]:
    """Its name, and how often at most (0: always)."""
    return (policy or {}).get("Name") or "no", int((policy or {}).get("MaximumRetryCount") or 0)


def _tell_policy(host: Mapping[str, Any]) -> str:
    name, most = restart_policy(host.get(_RESTART))
    return f"{name}:{most}" if most else name


def _tell(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name in _BYTES:
        return f"{value / 2**20:g} MiB"
    return f"{value / 1e9:g} CPUs" if name == "NanoCpus" else str(value)
