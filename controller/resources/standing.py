"""What changes seldom, asked now and then: what the engine can give, where it keeps its data, and our own limits."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import NamedTuple

from controller.engines.base import Engine, EngineInfo
from controller.model.errors import EngineError
from controller.model.usage import EngineView, OwnLimits
from controller.resources.own_limits import read_own_limits

_RENEW, _AGAIN = 600.0, 30.0
"""Seconds after which it is asked again; the same after an engine that did not answer."""

_PATIENCE = 5.0


class Said(NamedTuple):
    """`engine` None: it has said nothing yet. `disk_path`: a folder on the disk that counts."""

    disk_path: str
    engine: EngineInfo | None = None
    view: EngineView = EngineView()
    own: OwnLimits = OwnLimits()


class Standing:
    """What was said last, and when it is to be asked again. Safe from several threads."""

    def __init__(self, engine: Engine, root: str) -> None:
        """`root`: the folder of our state; its disk counts where the engine keeps its data elsewhere."""
        self._engine, self._root = engine, root
        self._asking = threading.Lock()
        self._renew_at: float | None = None
        self.said = Said(root)
        """Swapped whole."""

    def renew(self) -> Said:
        """Asked if it is time, unless somebody asks already. Raises nothing: what an engine that is away said last
        still holds."""
        if self._is_due() and self._asking.acquire(blocking=False):
            try:
                self._ask()
            finally:
                self._asking.release()
        return self.said

    def look(self) -> Said:
        """The same for who must not wait: only the first answer is waited for, every other one comes beside it."""
        if self.said.engine is None:
            return self.renew()
        if self._is_due():
            threading.Thread(target=self.renew, name="standing", daemon=True).start()
        return self.said

    def _is_due(self) -> bool:
        return self._renew_at is None or time.monotonic() >= self._renew_at

    def _ask(self) -> None:
        self._renew_at = time.monotonic() + _AGAIN
        self.said = self.said._replace(own=read_own_limits())
        with suppress(EngineError):
            told = self._engine.info(deadline=_PATIENCE)
            view = EngineView(told.cores, told.memory_total, told.shares_host)
            self.said = Said(told.data_root or self._root, told, view, self.said.own)
            self._renew_at = time.monotonic() + _RENEW
