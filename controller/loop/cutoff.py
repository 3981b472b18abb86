"""Who of others is on networks that a policy has the stack leave, and is cut off from it by that: told, not kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controller.engines.base import Engine
from controller.loop.confining import lay_over_networks
from controller.loop.loaded import Loaded
from controller.model.errors import EngineError, Finding
from controller.security.reach import MOST_STRANGERS

_LOOK = 5.0


def tell_cut_off(engine: Engine, stacks: Iterable[Loaded]) -> tuple[Finding, ...]:
    """Of each of these stacks. Where no engine answers, nothing: whoever asks it next says so."""
    return tuple(finding for loaded in stacks for finding in _tell(engine, loaded))


def _tell(engine: Engine, loaded: Loaded) -> Iterator[Finding]:
    if not loaded.desired.policy.address_pool:
        return  # nearly always
    services = lay_over_networks(loaded).desired.services.values()
    replaced = {name for one in services if one.confined is not None for name in one.confined.replaced}
    try:
        strangers = engine.netprobe.strangers(loaded.name, deadline=_LOOK) if replaced else ()
    except EngineError:
        return
    found = [(container, network) for container, network in strangers if network in replaced]
    for container, network in found[:MOST_STRANGERS]:
        yield Finding(
            f"{loaded.name}: {container} is on {network}, which networkPolicy takes all services off: they do not reach"
            " each other there",
            hint="declare that network external to keep it",
        )
    if len(found) > MOST_STRANGERS:
        yield Finding(f"{loaded.name}: and {len(found) - MOST_STRANGERS} more containers on such networks")
