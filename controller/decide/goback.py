"""Where a whole stack goes back to when one of its services fails and its scope is the stack. Pure.

Nothing is propagated or written per service: it follows from whose release failed, again in every pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from controller.decide.aim import NOWHERE, WayBack, find_quarantine, is_release, release_of
from controller.model.decision import History
from controller.model.desired import DesiredService, FailureAction, Scope
from controller.model.names import Release

_GOES_BACK = " failed, and the stack goes back: "


def find_culprit(message: str) -> str | None:
    """Whose failure takes the others back, by what is said of one of them."""
    name, said, _ = message.partition(_GOES_BACK)
    return name if said else None


def find_way_back(
    failed: Iterable[str],
    services: Mapping[str, DesiredService],
    history_of: Callable[[str], History],
    settled: Mapping[str, Release],
) -> WayBack:
    """`failed`: services with a quarantined release; `settled`: the releases of the last generation that settled whole.

    What cannot be undone stays: where such a service has settled at what is asked for now, the stack does not go back.
    """
    culprit = next((name for name in sorted(failed) if _takes_all_back(services.get(name), history_of(name))), None)
    if culprit is None or not settled:
        return NOWHERE
    because = f"{culprit}{_GOES_BACK}{find_quarantine(services[culprit], history_of(culprit))}"
    for name, service in sorted(services.items()):
        target = settled.get(name)
        if _has_passed(service, history_of(name), target):
            return WayBack(barred=f"the stack does not go back: {name} is irreversible and has settled")
    return WayBack(settled, because)


def _takes_all_back(service: DesiredService | None, history: History) -> bool:
    if service is None or service.leaving is not None or service.update.scope is not Scope.STACK:
        return False
    return service.update.failure_action is FailureAction.ROLLBACK and find_quarantine(service, history) is not None


def _has_passed(service: DesiredService, history: History, target: Release | None) -> bool:
    """It settled at what is asked for, which is not what it would go back to, and that cannot be undone.

    A job that completed has done what no replica undoes, unless it is said to be reversible.
    """
    asked, there = release_of(service), _settled_at(history)
    if service.leaving is not None:
        return False
    ran = history.completed == service.revision and not is_release(asked, target)
    settled = there is not None and is_release(asked, there) and not is_release(there, target)
    return (ran or settled) and (service.irreversible is True or (ran and service.irreversible is None))


def _settled_at(history: History) -> Release | None:
    """What bakes has settled as well: all of it ran, and did what cannot be undone."""
    if history.attempt is None:
        return history.good
    return history.attempt.release if history.attempt.settled_at is not None else None
