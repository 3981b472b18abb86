"""The lock between real processes."""

import json
import os
import subprocess
import sys
import textwrap
import time

import pytest

from controller.loop.lock import Holder, Lock, lock_path, read_holder, try_lock
from controller.model.errors import ControllerError

pytestmark = pytest.mark.unit

CHILD = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from controller.loop.lock import Lock, try_lock
    lock = try_lock(Path(sys.argv[1]), Path("/state/of/child"), lambda: 42.0)
    print("held" if isinstance(lock, Lock) else "refused", flush=True)
    sys.stdin.read()
    """
)


@pytest.fixture
def child(tmp_path):
    started = []

    def start(path):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.fault("S4")
def test_a_second_process_learns_who_holds_it_and_gets_it_when_the_first_is_killed(tmp_path, child):
    path = tmp_path / "a.lock"
    process, said = child(path)
    assert said == "held"
    holder = try_lock(path, tmp_path, time.time)
    assert isinstance(holder, Holder)
    assert (holder.pid, holder.uid, holder.since, holder.state) == (process.pid, os.getuid(), 42.0, "/state/of/child")
    assert read_holder(path) == holder
    process.kill()
    process.wait()
    assert read_holder(path) is None
    with try_lock(path, tmp_path, time.time) as lock:
        assert isinstance(lock, Lock)
        assert read_holder(path).pid == os.getpid()
    assert read_holder(path) is None


def test_of_many_that_try_at_once_one_has_it(tmp_path, child):
    path = tmp_path / "a.lock"
    assert sorted(child(path)[1] for _ in range(4)) == ["held", "refused", "refused", "refused"]


def test_a_child_of_the_holder_does_not_keep_it(tmp_path):
    path = tmp_path / "a.lock"
    lock = try_lock(path, tmp_path, time.time)
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as sleeper:
        lock.release()
        assert isinstance(try_lock(path, tmp_path, time.time), Lock)
        sleeper.stdin.close()


def test_looking_at_the_holder_never_keeps_a_writer_out(tmp_path):
    path = tmp_path / "a.lock"
    for _ in range(50):
        assert read_holder(path) is None
        lock = try_lock(path, tmp_path, time.time)
        assert isinstance(lock, Lock)
        lock.release()


def test_everybody_may_read_and_lock_the_file(tmp_path):
    old = os.umask(0o077)
    try:
        with try_lock(tmp_path / "a.lock", tmp_path, time.time):
            assert (tmp_path / "a.lock").stat().st_mode & 0o777 == 0o666
    finally:
        os.umask(old)


def test_a_link_in_a_shared_folder_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a.lock").symlink_to(victim)
    with pytest.raises(ControllerError, match="cannot be opened"):
        try_lock(tmp_path / "a.lock", tmp_path, time.time)
    with pytest.raises(ControllerError, match="cannot be opened"):
        read_holder(tmp_path / "a.lock")
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"user": 1}', "\x00" * 5000, json.dumps({"user": "x", "uid": "y", "pid": 1, "since": 0})],
    ids=["empty", "list", "cut", "partial", "zeros", "words"],
)
def test_whatever_somebody_wrote_into_the_file_is_survived(tmp_path, child, text):
    path = tmp_path / "a.lock"
    child(path)
    path.write_text(text)
    assert try_lock(path, tmp_path, time.time) == Holder("somebody", -1, 0, 0.0, "")


def test_a_holder_who_claims_another_users_process_is_not_believed(tmp_path, child):
    path = tmp_path / "a.lock"
    child(path)
    path.write_text(json.dumps({"user": "ro\x1b[2Jot", "uid": 12345, "pid": os.getpid(), "since": 1, "state": "/"}))
    assert read_holder(path).user == "somebody"
    path.write_text(
        json.dumps({"user": "ro\x1b[2Jot", "uid": os.getuid(), "pid": os.getpid(), "since": 1, "state": ""})
    )
    assert read_holder(path).user == "ro[2Jot"


def test_the_place_is_shared_where_that_can_be_and_private_elsewhere(tmp_path):
    state = tmp_path / "state"
    assert lock_path("E:1", "rag", state, tmp_path) == tmp_path / "controller-E:1-rag.lock"
    assert lock_path("E:1", "rag", state, tmp_path / "missing") == state / "controller-E:1-rag.lock"
    assert lock_path("a/b", "../x", state, tmp_path).parent == tmp_path
