"""Asks the gate for the loop: who may be started now, whether a successor may come, whether one may go back.

Decides nothing. A stack whose manifest gates nothing loads none of what a scan needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from controller.decide.identity import Known
from controller.engines.base import Engine
from controller.loop.loaded import Loaded
from controller.model.decision import Decision, History
from controller.model.errors import EngineError
from controller.model.names import Instant, Release, Revision, split_release
from controller.model.steps import Build, Create, Outcome, Pull, Result

Key = tuple[str, Revision]
"""A service, and one of its revisions."""
_PAUSE = 30.0
"""Seconds until an engine is asked again what it did not answer: a scan of all goes with it."""


class Guard:
    """Of one stack. Only the loop's thread asks it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._refused: dict[Key, Create] = {}
        """What was refused, to be looked at again."""
        self._asks_at = 0.0

    def anew(
        self, loaded: Loaded, outcomes: Iterable[Outcome], histories: Mapping[str, History], now: Instant
    ) -> Loaded:
        """The same with who may be started now: a waiver may be over, an image that has come says what it is, and a
        link that was turned may have been turned back."""
        if (gate := loaded.gate) is None:
            return loaded
        from controller.loop.scanning import today

        fetched = any(isinstance(one.step, Build | Pull) and one.result is Result.DONE for one in outcomes)
        if fetched or (gate.is_blind and now >= self._asks_at):
            self._asks_at = now + _PAUSE
            gate = gate.renew(self._engine)
        desired = loaded.desired
        barred, refused = gate.barred(today()), self._refuse_again(loaded, histories)
        if gate is loaded.gate and barred == desired.barred and refused == desired.refused:
            return loaded  # nearly always
        return replace(loaded, gate=gate, desired=replace(desired, barred=barred, refused=refused))

    def ahead(self, loaded: Loaded, decision: Decision) -> tuple[Key, str] | None:
        """What would come in the place of who is to make way and may not, and why; None: nothing is in the way."""
        made = decision.successor
        if loaded.gate is None or made is None or not (why := self._judge(loaded, made)):
            return None
        key = (made.service, made.revision)
        self._refused[key] = made
        return key, why

    def back(self, loaded: Loaded, pins: Mapping[str, Release | None], known: Known) -> Mapping[str, str]:
        """Which of these services a person may not take there, and why. `None`: to what the manifest asks for."""
        if loaded.gate is None:
            return {}
        told: dict[str, str] = {}
        for name, release in pins.items():
            want = loaded.desired.services[name]
            revision, image = split_release(release) if release is not None else (want.revision, want.image_id)
            is_asked = revision == want.revision
            template = want.template if is_asked else known[(name, revision)].template
            made = Create(name, 0, revision, template, "looked at", image_id=image)
            why = loaded.desired.barred.get(name, "") if is_asked else ""
            if why := why or loaded.gate.check(made, self._engine, loaded.project):
                told[name] = why
        return told

    def _judge(self, loaded: Loaded, made: Create) -> str:
        """Why it may not be started, "": it may. Nobody makes way for what nobody could look at."""
        assert loaded.gate is not None
        try:
            return loaded.gate.check(made, self._engine, loaded.project)
        except EngineError as error:
            return f"whether it may be started cannot be found out now: {error.message}"

    def _refuse_again(self, loaded: Loaded, histories: Mapping[str, History]) -> Mapping[Key, str]:
        """Of what is still asked for, or gone back to, what the last look still refuses."""
        kept = {key: one for key, one in self._refused.items() if key in loaded.desired.refused}
        self._refused = {key: one for key, one in kept.items() if _is_aimed_at(key, loaded, histories.get(key[0]))}
        looks = {key: self._judge(loaded, one) for key, one in self._refused.items()}
        return {key: why for key, why in looks.items() if why}


def _is_aimed_at(key: Key, loaded: Loaded, history: History | None) -> bool:
    name, revision = key
    want = loaded.desired.services.get(name)
    if want is None:
        return False
    pinned = history.pinned if history is not None else None
    return revision == want.revision or (pinned is not None and split_release(pinned)[0] == revision)
