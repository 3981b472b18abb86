"""One store under several threads, several processes, and kills in the middle."""

import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from controller.loop.store import Store
from controller.model.decision import History
from controller.model.errors import ControllerError
from tests.component.records import event

pytestmark = pytest.mark.unit


def test_threads_lose_nothing(store):
    def work(name):
        for turn in range(50):
            with store.transaction():
                store.histories.record({name: History(good=str(turn))})
                store.events.append(event(f"{name}{turn}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert store.histories.load() == {name: History(good="49") for name in "abcd"}
    assert len(store.events.since()) == 200


def test_processes_share_one_file(store, folder):
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from controller.loop.store import Store
        store = Store(Path(sys.argv[1]))
        for turn in range(25):
            store.intents.add("start", {"turn": turn}, sys.argv[2])
        """
    )
    others = [subprocess.Popen([sys.executable, "-c", script, str(folder), who]) for who in "xyz"]
    claimed = []
    deadline = time.monotonic() + 30
    while len(claimed) < 75 and time.monotonic() < deadline:
        if intent := store.intents.claim():
            claimed.append((intent.who, intent.args["turn"]))
    assert [other.wait(10) for other in others] == [0, 0, 0]
    assert sorted(claimed) == [(who, turn) for who in "xyz" for turn in range(25)]


def test_what_was_written_before_a_kill_is_there_and_half_a_transaction_is_not(folder):
    script = textwrap.dedent(
        """
        import os, sys, time
        from pathlib import Path
        from controller.loop.store import Store
        from controller.model.decision import History
        store = Store(Path(sys.argv[1]))
        store.histories.record({"a": History(good="kept")})
        with store.transaction():
            store.histories.record({"a": History(good="half"), "b": History()})
            print("inside", flush=True)
            time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline().strip() == "inside"
        child.send_signal(signal.SIGKILL)
    assert Store(folder).histories.load() == {"a": History(good="kept")}


def test_another_connection_of_this_process_does_not_drop_its_locks(store, folder):
    with store.transaction():
        store.histories.record({"a": History(good="r1")})
        other = Store.__new__(Store)
        with pytest.raises(ControllerError, match="locked"):
            _write_at_once(folder)
        del other
    assert _write_at_once(folder) == 0


def _write_at_once(folder):
    """Write from another process that does not wait."""
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None);"
        " c.execute('BEGIN IMMEDIATE'); c.execute('ROLLBACK')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder / "state.db")], capture_output=True, text=True, check=False
    )
    if "locked" in done.stderr:
        raise ControllerError("locked")
    return done.returncode
