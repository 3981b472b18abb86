"""`controller cleanup`: here where the stack's lock is free, by the daemon that holds it otherwise."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from controller.decide.writer import judge_writer
from controller.engines.base import Scope
from controller.intake.targets import Target
from controller.loop.acting import ask, lock_or_ask, tell_holder, who
from controller.loop.auditacts import cleaned, intended, wish_act
from controller.loop.auditor import caller, new_id
from controller.loop.cleanup import Hand, clean_up, list_rubbish, plot_of
from controller.loop.controller import Audience
from controller.loop.ground import Ground
from controller.loop.loaded import Loaded
from controller.loop.lock import Holder
from controller.model.cleanup import CleanupReport
from controller.model.decision import Hold
from controller.model.errors import ControllerError
from controller.model.status import Event
from controller.model.wish import Wish

Pairs = Sequence[tuple[Target, Loaded]]


def list_all(ground: Ground, pairs: Pairs, wish: Wish) -> tuple[CleanupReport, ...]:
    """What would go. A look needs no lock. Raises ControllerErrors."""
    return tuple(list_rubbish(plot_of(ground, loaded, wish), ground.now()) for _, loaded in pairs)


def clean_all(ground: Ground, pairs: Pairs, wish: Wish, audience: Audience) -> tuple[CleanupReport, ...]:
    """The reports, one a stack, in the order given."""
    wish = dataclasses.replace(wish, who=who(), origin=caller())
    return tuple(_clean(ground, loaded, wish, audience) for _, loaded in pairs)


def _clean(ground: Ground, loaded: Loaded, wish: Wish, audience: Audience) -> CleanupReport:
    with ExitStack() as locks:
        found = lock_or_ask(ground, loaded.name, locks, lambda: ask(ground, loaded, wish, audience, CleanupReport))
        if isinstance(found, Holder):
            message, hint = tell_holder(found)
            return CleanupReport(loaded.name, at=ground.now(), ok=False, message=message, hint=hint)
        return found if found is not None else _clean_noted(ground, loaded, wish, audience)


def _clean_noted(ground: Ground, loaded: Loaded, wish: Wish, audience: Audience) -> CleanupReport:
    """The one thing that a person asks for which is done though it cannot be recorded: it makes room for the record."""
    act = wish_act(wish, loaded.name, new_id())
    ground.audit.note(intended(act))
    report = _clean_here(ground, loaded, wish, audience)
    ground.audit.note(cleaned(act, report))
    return report


def _clean_here(ground: Ground, loaded: Loaded, wish: Wish, audience: Audience) -> CleanupReport:
    store = ground.store(loaded.name)

    def tell(reason: str, message: str, warning: bool) -> None:
        event = Event(ground.now(), loaded.name, None, "Warning" if warning else "Normal", reason, message)
        with suppress(ControllerError):  # a full disk is why somebody cleans up
            event = store.events.append(event)
        audience.event(event)

    tell("Cleanup", "asked for: cleanup", False)

    def writer() -> Hold | None:
        views = ground.engine.observe(Scope(loaded.name)).services
        return judge_writer(views, {}, (), ground.now())

    def goes_on() -> bool:
        with suppress(ControllerError):
            return writer() is None
        return False

    plot = plot_of(ground, loaded, wish)
    report = clean_up(plot, Hand(tell, store.images.forget, goes_on, ground.now, writer))
    if report.whole and plot.is_full:
        with suppress(ControllerError):
            store.stack.save(dataclasses.replace(store.stack.load(), cleaned_at=report.at))
    return report
