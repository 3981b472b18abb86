"""The token's file, codes that are good once, sessions that end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.loop.secret import PRIVATE, SHARED, read_secret
from controller.model.errors import ControllerError
from controller.web.keys import CODE_SECONDS, OWNER, SESSION_SECONDS, Address, Badge, Halves, Keys, read_token

pytestmark = pytest.mark.unit


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> Keys:
    return Keys("t" * 43, "epoch", 7070, clock)


def test_the_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    token = read_token(tmp_path / "state")
    assert read_token(tmp_path / "state") == token
    assert len(token) == 43  # 256 bits in base64 without padding
    assert (tmp_path / "state" / "api.token").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["api.token"]


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    read_token(tmp_path)
    (tmp_path / "api.token").chmod(0o640)
    with pytest.raises(ControllerError, match="others can read it"):
        read_token(tmp_path)


def test_a_short_token_is_none(tmp_path: Path) -> None:
    (tmp_path / "api.token").touch(0o600)
    with pytest.raises(ControllerError, match="no token of 32 characters"):
        read_token(tmp_path)


def test_a_shared_token_can_be_read_by_all_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        token = read_secret(tmp_path / "scrape.token", SHARED)
    finally:
        os.umask(before)
    assert len(token) == 43 and read_secret(tmp_path / "scrape.token", SHARED) == token
    assert (tmp_path / "scrape.token").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["scrape.token"]


def test_a_stricter_mode_than_asked_for_will_do(tmp_path: Path) -> None:
    token = read_secret(tmp_path / "t", PRIVATE)
    assert read_secret(tmp_path / "t", SHARED) == token


def test_a_token_that_others_can_write_is_refused(tmp_path: Path) -> None:
    read_secret(tmp_path / "t", SHARED)
    (tmp_path / "t").chmod(0o666)
    with pytest.raises(ControllerError, match="others can write it") as refused:
        read_secret(tmp_path / "t", SHARED)
    assert refused.value.hint is not None and "chmod 644" in refused.value.hint


def test_a_token_that_cannot_be_is_told_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path, mend in ((tmp_path / "folder", "rmdir"), (tmp_path / "none" / "t", "mkdir -p")):
        with pytest.raises(ControllerError, match=str(path)) as refused:
            read_secret(path, SHARED)
        assert refused.value.hint is not None and refused.value.hint.startswith(mend)


def test_a_code_is_good_once(keys: Keys) -> None:
    code = keys.make_code()
    assert keys.use_code(code)
    assert not keys.use_code(code)


def test_a_code_is_good_for_an_hour(keys: Keys, clock: Clock) -> None:
    code = keys.make_code()
    clock.now += CODE_SECONDS + 1
    assert not keys.use_code(code)


def test_another_process_that_knows_the_token_makes_codes_for_this_one_alone(keys: Keys, clock: Clock) -> None:
    assert keys.use_code(Keys("t" * 43, "epoch", 7070, clock).make_code())
    assert not keys.use_code(Keys("t" * 43, "another", 7070, clock).make_code())
    assert not keys.use_code(Keys("u" * 43, "epoch", 7070, clock).make_code())


def is_session(keys: Keys, halves: Halves, *others: str) -> bool:
    return keys.read_session(halves.shown, (*others, halves.cookie)) is not None


def test_a_session_outlives_the_process_and_ends_after_its_time(keys: Keys, clock: Clock) -> None:
    session = keys.open_session()
    assert session.seconds == SESSION_SECONDS
    assert is_session(Keys("t" * 43, "another", 7070, clock), session)
    assert not is_session(Keys("t" * 43, "epoch", 7071, clock), session)
    assert not is_session(Keys("u" * 43, "epoch", 7070, clock), session)
    clock.now += SESSION_SECONDS + 1
    assert not is_session(keys, session)


def test_neither_half_of_a_session_opens_anything_alone_nor_with_that_of_another(keys: Keys) -> None:
    one, other = keys.open_session(), keys.open_session()
    for shown, cookies in (
        (one.shown, ()),
        (one.shown, ("",)),
        (one.shown, (other.cookie,)),
        (one.shown, (one.shown,)),
        (one.cookie, (one.cookie,)),
        ("", (one.cookie,)),
    ):
        assert keys.read_session(shown, cookies) is None
    assert is_session(keys, one, "planted", other.cookie)  # another server of this host has set some of that name


def test_a_session_says_whose_it_is(keys: Keys, clock: Clock) -> None:
    for badge in (OWNER, Badge("ada", "0" * 16, ("viewer",), ("shop",), clock.now + 60), Badge("ü.ö", "0" * 16)):
        halves = keys.open_session(badge)
        session = keys.read_session(halves.shown, (halves.cookie,))
        assert session is not None and session.badge == badge
    assert keys.open_session(Badge("ada", expires=clock.now + 60)).seconds == 60


def test_a_session_ends_with_the_token_that_opened_it(keys: Keys, clock: Clock) -> None:
    session = keys.open_session(Badge("ada", "0" * 16, expires=clock.now + 60))
    clock.now += 61
    assert not is_session(keys, session)


def test_an_ended_session_is_void(keys: Keys) -> None:
    first, second = keys.open_session(), keys.open_session()
    keys.end_session(first.shown)
    assert not is_session(keys, first) and is_session(keys, second)


def test_a_code_is_no_session_and_a_session_no_code(keys: Keys) -> None:
    assert keys.read_session(keys.make_code(), ("",)) is None
    assert not keys.use_code(keys.open_session().shown)


@pytest.mark.parametrize("shown", ["", ".", "..", "...", "a.b.c.d", "9999999999.x.", "ü.ü.ü.ü", "nan.x.y.z", "9" * 500])
def test_what_was_not_issued_is_refused(keys: Keys, shown: str) -> None:
    assert keys.read_session(shown, (shown,)) is None and not keys.use_code(shown) and not keys.is_token(shown)


@pytest.mark.parametrize("place", [0, 5, 12, 40, 200, -1])
def test_no_character_of_a_session_can_be_another(keys: Keys, place: int) -> None:
    session = keys.open_session()
    text = session.shown
    other = text[:place] + ("8" if text[place] != "8" else "7") + (text[place + 1 :] if place != -1 else "")
    assert keys.read_session(other, (session.cookie,)) is None


def test_the_address_is_told_to_other_processes(tmp_path: Path) -> None:
    address = Address("http://127.0.0.1:7070", "e")
    address.write(tmp_path)
    assert Address.read(tmp_path) == address
    assert address.link("c") == "http://127.0.0.1:7070/#code=c"


@pytest.mark.parametrize("text", [None, "", "[]", '{"url": "x"}', '{"url": "x", "epoch": "y", "more": 1}'])
def test_an_address_that_cannot_be_read_is_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "api.json").write_text(text)
    assert Address.read(tmp_path) is None


def test_a_session_of_an_earlier_version_is_none() -> None:
    keys = Keys("t" * 43, "epoch", 7070)
    said = f"{int(keys.now()) + 60}.abc"
    former = f"{said}.{keys._sign('session:7070', said)}"
    assert keys.read_session(former, ("x",)) is None
