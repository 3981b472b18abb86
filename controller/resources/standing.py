"""What changes seldom, asked now and then: what the engine can give, where it keeps its data, and our own limits."""

from __future__ import annotations

import time
from contextlib import suppress

from controller.engines.base import Engine, EngineInfo
from controller.model.errors import EngineError
from controller.model.usage import EngineView, OwnLimits
from controller.resources.own_limits import read_own_limits

_RENEW, _AGAIN = 600.0, 30.0
"""Seconds after which it is asked again; the same after an engine that did not answer."""

_PATIENCE = 5.0


class Standing:
    """Not safe from several threads."""

    def __init__(self, engine: Engine, root: str) -> None:
        """`root`: the folder of our state; its disk counts where the engine keeps its data elsewhere."""
        self._engine, self._root = engine, root
        self._renew_at: float | None = None
        self.engine: EngineInfo | None = None
        """What the engine said of itself last; None: nothing yet."""
        self.disk_path = root
        self.view = EngineView()
        self.own = OwnLimits()

    def renew(self) -> None:
        """If it is time. Raises nothing: what an engine that is away said last still holds."""
        now = time.monotonic()
        if self._renew_at is not None and now < self._renew_at:
            return
        self._renew_at, self.own = now + _AGAIN, read_own_limits()
        with suppress(EngineError):
            told = self.engine = self._engine.info(deadline=_PATIENCE)
            self.view = EngineView(told.cores, told.memory_total, told.shares_host)
            self.disk_path = told.data_root or self._root
            self._renew_at = now + _RENEW
