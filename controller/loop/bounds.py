"""Within what bounds one stack starts and runs: its room, its pace, the limits and the patience that follow use.

Around each decision, which sees them in the world. Only the loop's thread calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from controller.decide.world import World
from controller.loop.chronicle import Chronicle
from controller.loop.learning import heed
from controller.loop.limits import Limits
from controller.loop.loaded import Loaded
from controller.loop.pace import LOOK_AGAIN, Pace
from controller.loop.tools import Key, Tools
from controller.model.names import Instant


class Bounds:
    """`want`: called where something else is wanted than before, for what is laid over the files."""

    def __init__(
        self, tools: Tools, limits: Limits, chronicle: Chronicle, world: World, want: Callable[[], None]
    ) -> None:
        self._limits, self._chronicle, self._world, self._want = limits, chronicle, world, want
        self._queue, self._rooms = tools.queue, tools.rooms
        self._pace = Pace(tools.starts)
        self._unsettled = False
        self._rooms.add(world)

    def before(self, dirty: Collection[str], loaded: Loaded, now: Instant) -> None:
        """These services are about to be decided."""
        if news := self._pace.look(self._world):
            self._chronicle.say(now, None, "StartsSlowed", news)
        self._rooms.before(self._world)
        if self._limits.heed(dirty, self._world, loaded, now):
            self._want()

    def look_again(self, now: Instant) -> None:
        """Soon, where somebody waits for the machine: nothing tells when it has room again."""
        if self._world.slots is not None and self._world.waiting:
            self._queue.add_at(Key(self._world.desired.name), now + LOOK_AGAIN)

    def after(self) -> None:
        """What was decided is under way."""
        self._rooms.after(self._world)

    def heed(self, loaded: Loaded, learned: Iterable[str], now: Instant) -> Loaded:
        """What took longer than it is given is given more from now on: the same with that, and told."""
        wider, told = heed(loaded, self._chronicle.timings, learned)
        for name, message in told:
            self._chronicle.say(now, name, "TimeoutLearned", message)
        return wider

    def unsettle(self) -> None:
        """The manifest may stand for other limits than before, or was not seen yet."""
        self._unsettled = True

    def settle_due(self, loaded: Loaded, now: Instant) -> None:
        """Not before it is known whether the stack is held: what that was made for may be a mistake."""
        if self._unsettled and self._world.hold is None:
            self._unsettled = False
            self.settle(loaded, now)

    def settle(self, loaded: Loaded, now: Instant) -> None:
        """What the manifest stands for no more is not laid over any limit any more."""
        if not self._unsettled and self._limits.settle(self._world, loaded, now):
            self.changed()

    def changed(self, name: str | None = None) -> None:
        """Limits are to be others: of a service, or of any. Wanted from now on, and looked at soon."""
        self._want()
        self._queue.add(Key(self._world.desired.name, name))
