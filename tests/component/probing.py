"""Replicas to probe, an engine that answers as it is told, and a prober whose clock is moved by hand."""

import time

from controller.engines.base import Execution
from controller.health.prober import Clocks, Prober
from controller.model.desired import Probe, ProbeKind
from controller.model.observed import Health, Replica, ReplicaPhase

WALL = 1_000_000.0
PROBE = Probe(ProbeKind.EXEC, ("check",), interval=10.0, timeout=2.0, retries=3)


class Port:
    """Answers each replica's command by what the case set, and remembers when it was asked."""

    def __init__(self, clock=time.monotonic):
        self.codes = {}
        self.asked = []
        self.gates = {}
        self.delays = {}
        """Seconds that a command takes."""
        self._clock = clock

    def execute(self, replica, command, *, timeout):
        self.asked.append((replica, self._clock()))
        if replica in self.gates:
            assert self.gates[replica].wait(20)
        time.sleep(self.delays.get(replica, 0.0))
        return Execution(self.codes.get(replica, 0), f"said by {replica}")


class World:
    """A prober without threads: `until` moves the clock from visit to visit."""

    def __init__(self):
        self.at = 0.0
        self.changes = []
        self.engine = Port(lambda: self.at)
        clocks = Clocks(now=lambda: WALL + self.at, steady=lambda: self.at)
        self.prober = Prober(self.engine, lambda *key: self.changes.append((key, self.at)), clocks, workers=0)

    def until(self, at):
        while (due := self.prober.next_due()) is not None and due <= at:
            self.at = max(self.at, due)
            assert self.prober.run_due()
        self.at = at

    def asked(self, replica):
        return [round(at, 3) for id_, at in self.engine.asked if id_ == replica.id]

    def health(self, replica):
        return self.prober.verdict(replica.life).health


def replica(number=1, **others):
    fields = {"started_at": WALL, "health": Health.STARTING, "revision": "r1", "phase": ReplicaPhase.RUNNING, **others}
    return Replica(f"web-{number}", f"p-web-{number}", "web", number, **fields)
