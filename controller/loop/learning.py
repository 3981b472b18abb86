"""What was learned of a service since its files were read, heeded at once: the next start may need it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from controller.decide.patience import widen
from controller.loop.loaded import Loaded
from controller.model.desired import DesiredService
from controller.model.timings import Timings


def heed(loaded: Loaded, timings: Timings, learned: Iterable[str]) -> tuple[Loaded, Sequence[tuple[str, str]]]:
    """The same with more time for those of these services that need more, and a sentence for each of them."""
    if not loaded.desired.policy.optimization.learned_timeouts:
        return loaded, ()
    services = loaded.desired.services
    wider = {name: widen(services[name], timings) for name in learned if name in services}
    wider = {name: service for name, service in wider.items() if service is not services[name]}
    if not wider:
        return loaded, ()  # nearly always
    told = tuple((name, _tell(services[name], service)) for name, service in wider.items())
    return replace(loaded, desired=replace(loaded.desired, services={**services, **wider})), told


def _tell(before: DesiredService, now: DesiredService) -> str:
    if now.start_timeout > before.start_timeout:
        return f"it is given {now.start_timeout:g} s to be ready instead of {before.start_timeout:g} s"
    return f"its updates may go {now.update.progress_deadline:g} s without progress, as long as a start may take"
