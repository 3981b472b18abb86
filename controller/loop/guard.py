"""Asks the gate for the loop: who may be started now, whether a successor may come, whether one may go back.

Raises EngineErrors, and decides nothing. A stack whose manifest gates nothing loads none of what a scan needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from controller.decide.identity import Known
from controller.engines.base import Engine
from controller.loop.batches import is_way_back
from controller.loop.loaded import Loaded
from controller.model.decision import Decision, History
from controller.model.names import Release, Revision, split_release
from controller.model.steps import Build, Create, Outcome, Pull, Result

Key = tuple[str, Revision]
"""A service, and one of its revisions."""


class Guard:
    """Of one stack. Only the loop's thread asks it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._refused: dict[Key, Create] = {}
        """What was refused, to be looked at again."""

    def anew(self, loaded: Loaded, outcomes: Iterable[Outcome], histories: Mapping[str, History]) -> Loaded:
        """The same with who may be started now: a waiver may be over, an image that has come says what it is, and a
        link that was turned may have been turned back."""
        if (gate := loaded.gate) is None:
            return loaded
        from controller.loop.scanning import today

        fetched = any(isinstance(one.step, Build | Pull) and one.result is Result.DONE for one in outcomes)
        if fetched or gate.is_blind:
            gate = gate.renew(self._engine)
        desired = loaded.desired
        barred, refused = gate.barred(today()), self._refuse_again(loaded, histories)
        if gate is loaded.gate and barred == desired.barred and refused == desired.refused:
            return loaded  # nearly always
        return replace(loaded, gate=gate, desired=replace(desired, barred=barred, refused=refused))

    def ahead(self, loaded: Loaded, decision: Decision) -> Loaded:
        """The same; another one where what would come in the place of who is to make way may not come."""
        made = decision.successor
        if loaded.gate is None or made is None or is_way_back(decision):
            return loaded
        if not (why := loaded.gate.check(made, self._engine, loaded.project)):
            return loaded
        key = (made.service, made.revision)
        self._refused[key] = made
        return replace(loaded, desired=replace(loaded.desired, refused={**loaded.desired.refused, key: why}))

    def back(self, loaded: Loaded, pins: Mapping[str, Release | None], known: Known) -> Mapping[str, str]:
        """Which of these services a person may not take there, and why. `None`: to what the manifest asks for."""
        if loaded.gate is None:
            return {}
        told: dict[str, str] = {}
        for name, release in pins.items():
            revision, image = split_release(release) if release is not None else (None, None)
            if revision is None or revision == loaded.desired.services[name].revision:
                why = loaded.desired.barred.get(name, "")
            else:
                made = Create(name, 0, revision, known[(name, revision)].template, "looked at", image_id=image)
                why = loaded.gate.check(made, self._engine, loaded.project)
            if why:
                told[name] = why
        return told

    def _refuse_again(self, loaded: Loaded, histories: Mapping[str, History]) -> Mapping[Key, str]:
        """Of what is still asked for, or gone back to, what the last look still refuses."""
        assert loaded.gate is not None
        kept = {key: one for key, one in self._refused.items() if key in loaded.desired.refused}
        self._refused = {key: one for key, one in kept.items() if _is_aimed_at(key, loaded, histories.get(key[0]))}
        looks = {key: loaded.gate.check(one, self._engine, loaded.project) for key, one in self._refused.items()}
        return {key: why for key, why in looks.items() if why}


def _is_aimed_at(key: Key, loaded: Loaded, history: History | None) -> bool:
    name, revision = key
    want = loaded.desired.services.get(name)
    if want is None:
        return False
    pinned = history.pinned if history is not None else None
    return revision == want.revision or (pinned is not None and split_release(pinned)[0] == revision)
