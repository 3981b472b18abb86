"""Nudges over the real socket, in deep folders too."""

import threading

import pytest

from controller.loop.wake import SOCKET, Listener, nudge

pytestmark = pytest.mark.unit


def test_a_nudge_arrives_even_where_the_path_is_longer_than_a_socket_address(tmp_path):
    folder = tmp_path.joinpath(*("deep" * 10 for _ in range(4)))
    folder.mkdir(parents=True)
    arrived = threading.Event()
    listener = Listener(folder, arrived.set)
    assert listener.listening
    assert (folder / SOCKET).stat().st_mode & 0o777 == 0o600
    assert nudge(folder)
    assert arrived.wait(5)
    listener.close()
    assert not listener.listening
    assert not nudge(folder)


def test_closing_ends_the_thread_at_once(tmp_path):
    listener = Listener(tmp_path, lambda: None)
    listener.close()
    listener.close()
    assert "wake" not in {thread.name for thread in threading.enumerate()}


def test_what_a_dead_process_left_is_taken_over(tmp_path):
    arrived = threading.Event()
    (tmp_path / SOCKET).write_text("")
    listener = Listener(tmp_path, arrived.set)
    assert nudge(tmp_path)
    assert arrived.wait(5)
    listener.close()


def test_nobody_listens_is_no_error(tmp_path):
    assert not nudge(tmp_path)
    assert not nudge(tmp_path / "missing")
    assert not Listener(tmp_path / "missing", lambda: None).listening


def test_a_storm_of_nudges_never_blocks_the_sender(tmp_path):
    hold = threading.Event()
    listener = Listener(tmp_path, lambda: hold.wait(10))
    assert all(nudge(tmp_path) for _ in range(2000))
    hold.set()
    listener.close()
