"""Secrets and their key on the disk: found, refused, turned to another key, and whole whenever a writer dies."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from controller.loop import keyring
from controller.loop.delivery import sweep
from controller.loop.ground import Asked, Ground
from controller.loop.keyring import CANARY, KEY, NEXT, Opened, held_ring, open_ring, ready_ring
from controller.loop.keyturn import turn_keys
from controller.loop.loaded import Loaded
from controller.loop.mounts import read_files
from controller.loop.secretbook import Book, Record, SecretBook
from controller.model.errors import ControllerError
from controller.security.vault import AUTHORITY, VaultLocked, make_key, read_key, seal, unseal
from tests.component.house import open_house
from tests.component.laying import Laying
from tests.crash.mortal import KILLED, in_child

pytestmark = [pytest.mark.unit, pytest.mark.fault("C1")]

NONE: Mapping[str, str] = {}
VALUES = {"db": b"one", "api": b"two", "tls": b"\0\xff\nthree"}


def books(root: Path) -> list[SecretBook]:
    return [SecretBook(root / "engine" / stack, stack) for stack in ("shop", "rag")]


def fill(root: Path, environment: Mapping[str, str] = NONE) -> None:
    ring = ready_ring(root, environment)
    for book in books(root):
        for name, value in VALUES.items():
            book.put(ring, name, value + book.project.encode(), "me", 1.0)
    sealed = root / "engine" / "shop" / "ca.sealed"
    sealed.write_text(seal(ring, AUTHORITY, "ca of shop", b"private"))


def check(root: Path, environment: Mapping[str, str] = NONE) -> None:
    """Everything opens, and is what it was."""
    ring = open_ring(root, environment).use()
    for book in books(root):
        found = {name: book.open(ring, name) for name in book.load()}
        assert found == {name: value + book.project.encode() for name, value in VALUES.items()}
    assert unseal(ring, AUTHORITY, "ca of shop", (root / "engine/shop/ca.sealed").read_text().strip()) == b"private"


def key_file(path: Path, mode: int = 0o600) -> Path:
    path.write_text(make_key())
    path.chmod(mode)
    return path


def given(path: Path) -> Mapping[str, str]:
    return {"ENCRYPTION_KEY_FILE": str(path)}


# --- the key


def test_a_key_is_made_once_and_only_where_something_is_to_be_encrypted(folder: Path) -> None:
    assert open_ring(folder, NONE) == Opened(None) and not list(folder.iterdir())
    first = ready_ring(folder, NONE)
    assert ready_ring(folder, NONE) == first == open_ring(folder, NONE).ring
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {KEY: 0o600, CANARY: 0o600}


@pytest.mark.parametrize("gone", [KEY, f"{KEY} {CANARY}"])
def test_without_its_key_nothing_is_opened_made_or_written(gone: str, folder: Path) -> None:
    fill(folder)
    for name in gone.split():
        (folder / name).unlink()
    before = snapshot(folder)
    assert "no key to open them" in (open_ring(folder, NONE).locked or "")
    with pytest.raises(VaultLocked):
        ready_ring(folder, NONE)
    with pytest.raises(VaultLocked):
        turn_keys(folder, NONE)
    assert snapshot(folder) == before


@pytest.mark.parametrize("canary", [True, False])
def test_with_another_key_nothing_is_opened_or_written(canary: bool, folder: Path) -> None:
    mine = key_file(folder / "mine")
    root = folder / "state"
    fill(root, given(mine))
    if not canary:
        (root / CANARY).unlink()
    before = snapshot(root)
    other = given(key_file(folder / "other"))
    assert "encrypted under key" in (open_ring(root, other).locked or "")
    for call in (ready_ring, turn_keys):
        with pytest.raises(VaultLocked, match="encrypted under key"):
            call(root, other)
    assert snapshot(root) == before
    check(root, given(mine))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622, 0o777])
def test_a_key_that_others_can_touch_is_refused(mode: int, folder: Path) -> None:
    opened = open_ring(folder / "state", given(key_file(folder / "key", mode)))
    assert opened.ring is None and "others can read or write it" in (opened.locked or "")


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_of_its_owner_alone_is_taken(mode: int, folder: Path) -> None:
    assert open_ring(folder / "state", given(key_file(folder / "key", mode))).use()


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"ENCRYPTION_KEY": "short"}, "ENCRYPTION_KEY: no key of 32 bytes"),
        ({"ENCRYPTION_KEY": "0" * 64}, "ENCRYPTION_KEY: an example"),
        ({"ENCRYPTION_KEY": "x", "ENCRYPTION_KEY_FILE": "y"}, "are both set"),
        ({"ENCRYPTION_KEY_FILE": "/nowhere/key"}, "/nowhere/key: No such file"),
        ({"ENCRYPTION_KEY_FILE": "/dev/null"}, "/dev/null: no regular file"),
    ],
)
def test_what_is_given_and_no_key_is_said_in_one_line(environment: Mapping[str, str], why: str, folder: Path) -> None:
    opened = open_ring(folder / "state", environment)
    assert opened.ring is None and why in (opened.locked or "") and "\n" not in (opened.locked or "")
    with pytest.raises(VaultLocked):
        ready_ring(folder / "state", environment)
    assert not (folder / "state" / KEY).exists()


def test_a_process_that_has_read_a_key_leaves_no_core(folder: Path) -> None:
    ready_ring(folder, NONE)

    def fall_over() -> None:
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        open_ring(folder, NONE)
        assert resource.getrlimit(resource.RLIMIT_CORE)[0] in (0, 1)
        os.chdir(folder)
        os.abort()

    assert in_child(fall_over, folder) == -signal.SIGABRT
    assert not [path for path in folder.iterdir() if path.name.startswith("core")]


# --- the book


def test_the_same_value_again_changes_nothing_and_another_one_the_version(folder: Path) -> None:
    ring, book = ready_ring(folder, NONE), SecretBook(folder / "e" / "s", "s")
    first, changed = book.put(ring, "db", b"a", "me", 1.0)
    assert changed and first.version == 1 and book.put(ring, "db", b"a", "you", 2.0) == (first, False)
    second, changed = book.put(ring, "db", b"b", "you", 2.0)
    assert changed and (second.version, second.tag) != (1, first.tag) and book.open(ring, "db") == b"b"
    assert book.remove("db") and not book.remove("db") and book.load() == {}
    assert book.put(ring, "db", b"a", "me", 3.0)[0].version == 3


def test_records_and_books_that_change_places_are_refused(folder: Path) -> None:
    fill(folder)
    ring = ready_ring(folder, NONE)
    shop, rag = books(folder)
    kept = shop.load()
    swapped = {"db": kept["api"].sealed, "api": kept["db"].sealed}
    shop._write(Book({**kept, **{name: replace(kept[name], sealed=text) for name, text in swapped.items()}}))
    for name in swapped:
        with pytest.raises(ControllerError, match="not what was written"):
            shop.open(ring, name)
    shop.path.write_bytes(rag.path.read_bytes())
    for name in VALUES:
        with pytest.raises(ControllerError, match="not what was written"):
            shop.open(ring, name)
    shop._write(Book({**kept, "db": replace(kept["db"], version=2)}))
    with pytest.raises(ControllerError, match="not what was written"):
        shop.open(ring, "db")


def test_a_book_with_any_byte_changed_or_cut_off_is_damaged_and_not_written_over(folder: Path) -> None:
    fill(folder)
    ring, book = ready_ring(folder, NONE), books(folder)[0]
    whole = book.path.read_bytes()
    for place in range(0, len(whole) - 1, 7):
        for content in (whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], whole[:place]):
            book.path.write_bytes(content)
            with pytest.raises(ControllerError, match="damaged, and not written over"):
                book.load()
    with pytest.raises(ControllerError, match="damaged"):
        book.put(ring, "db", b"x", "me", 2.0)
    assert book.path.read_bytes() == content


def test_no_value_and_no_key_is_in_any_file_but_the_keys_own(folder: Path) -> None:
    fill(folder)
    key = read_key((folder / KEY).read_text(), "")
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != KEY]
    for path in found:
        content = path.read_bytes()
        assert not any(value in content for value in (b"oneshop", b"tworag", key.master, (folder / KEY).read_bytes()))
    assert len(found) == 4


# --- the turn of a key


def test_a_made_key_turns_to_another_made_one(folder: Path) -> None:
    fill(folder)
    before = open_ring(folder, NONE).use().first
    turned = turn_keys(folder, NONE)
    assert (turned.brought, turned.under, turned.left, turned.still) == (7, 7, 0, None)
    ring = open_ring(folder, NONE).use()
    assert ring.keys == (ring.first,) and ring.first.id == turned.key_id != before.id and not (folder / NEXT).exists()
    check(folder)


def test_a_turn_changes_no_tag_and_no_version(folder: Path) -> None:
    fill(folder)
    seen = [(one.tag, one.version, one.set_at) for book in books(folder) for one in book.load().values()]
    turn_keys(folder, NONE)
    assert seen == [(one.tag, one.version, one.set_at) for book in books(folder) for one in book.load().values()]
    ring = ready_ring(folder, NONE)
    assert not books(folder)[0].put(ring, "db", b"oneshop", "me", 9.0)[1]


def test_a_given_key_turns_and_the_running_process_opens_with_what_it_has(folder: Path) -> None:
    mine, theirs, root = key_file(folder / "mine"), key_file(folder / "theirs"), folder / "state"
    fill(root, given(mine))
    assert "ENCRYPTION_KEY_FILE" in (turn_keys(root, given(mine), theirs).still or "")
    check(root, given(mine))  # who was started before
    check(root, given(theirs))
    with pytest.raises(ControllerError, match="took over, and another one is given"):
        turn_keys(root, given(mine), key_file(folder / "third"))
    ready_ring(root, given(theirs))
    assert not (root / NEXT).exists()
    check(root, given(theirs))
    assert open_ring(root, given(mine)).locked


def test_a_key_that_is_given_later_takes_over_from_the_made_one(folder: Path) -> None:
    root, mine = folder / "state", given(key_file(folder / "mine"))
    fill(root)
    check(root, mine)
    assert turn_keys(root, mine).still is None
    check(root, mine)
    assert not (root / KEY).exists() and open_ring(root, NONE).locked


def test_the_key_in_use_is_no_new_one_and_two_turns_do_not_mix(folder: Path) -> None:
    fill(folder / "state")
    new = key_file(folder / "new")
    turn_keys(folder / "state", NONE, new)
    with pytest.raises(ControllerError, match="in use already"):
        turn_keys(folder / "state", NONE, new)
    keyring.begin_turn(folder / "state", NONE, None)
    with pytest.raises(ControllerError, match="is taking over already"):
        turn_keys(folder / "state", NONE, key_file(folder / "other"))
    assert turn_keys(folder / "state", NONE).left == 0
    check(folder / "state")


def test_what_is_set_while_a_key_turns_waits_or_is_under_a_key_that_stays(folder: Path) -> None:
    fill(folder)
    book, set_ones, ended = books(folder)[0], [], threading.Event()

    def go_on_setting() -> None:
        while not ended.is_set():
            with held_ring(folder, NONE) as ring:
                set_ones.append(book.put(ring, "busy", str(len(set_ones)).encode(), "me", 1.0)[0].version)

    thread = threading.Thread(target=go_on_setting)
    thread.start()
    try:
        done = 0
        for _ in range(12):
            with suppress(ControllerError):  # something was written between the last look and the end
                done += turn_keys(folder, NONE).left == 0
    finally:
        ended.set()
        thread.join()
    turn_keys(folder, NONE)
    ring = open_ring(folder, NONE).use()
    assert ring.keys == (ring.first,) and done
    assert book.open(ring, "busy") == str(len(set_ones) - 1).encode() and book.load()["busy"].version == len(set_ones)


# --- killed at each write


def points(act: Callable[[Path], object], prepare: Callable[[Path], object], folder: Path) -> Iterator[str]:
    at, record = folder / "undisturbed", folder / "passed"
    prepare(at)
    assert in_child(lambda: act(at), folder, record=record) == 0
    counts = Counter(record.read_text().split())
    yield from (f"{name}:{times}" for name, most in counts.items() for times in range(1, most + 1))


Act = Callable[[Path], object]


def killed(act: Act, prepare: Act, folder: Path) -> Iterator[tuple[str, Path]]:
    """For each point: the state that a process left that was killed there."""
    found = tuple(points(act, prepare, folder))
    prepare(folder / "fresh")
    for point in found:
        at = folder / "state"
        rmtree(at, ignore_errors=True)
        copytree(folder / "fresh", at, symlinks=True)
        assert in_child(lambda at=at: act(at), folder, point) == KILLED, point
        yield point, at
    assert len(found) >= 2


def nothing(root: Path) -> None:
    root.mkdir()


def test_killed_at_each_write_of_the_first_key_one_key_is_found_that_opens(folder: Path) -> None:
    def act(root: Path) -> None:
        books(root)[0].put(ready_ring(root, NONE), "db", b"a", "me", 1.0)

    for point, root in killed(act, nothing, folder):
        act(root)
        assert books(root)[0].open(open_ring(root, NONE).use(), "db") == b"a", point
        assert not list(root.rglob(".*")), point


def test_killed_at_each_write_of_a_secret_it_is_the_one_before_or_the_one_after(folder: Path) -> None:
    def act(root: Path) -> None:
        books(root)[0].put(ready_ring(root, NONE), "db", b"after", "me", 2.0)

    seen = set()
    for point, root in killed(act, fill, folder):
        ring, book = open_ring(root, NONE).use(), books(root)[0]
        seen.add(value := book.open(ring, "db"))
        assert value in (b"oneshop", b"after"), point
        assert book.open(ring, "api") == b"twoshop" and book.open(ring, "tls") == b"\0\xff\nthreeshop"
        act(root)
        assert book.open(ring, "db") == b"after" and not list(root.rglob(".*")), point
    assert seen == {b"oneshop", b"after"}


def test_killed_at_each_write_of_a_turn_everything_opens_and_the_turn_goes_on(folder: Path) -> None:
    brought = Counter[int]()
    for point, root in killed(lambda root: turn_keys(root, NONE), fill, folder):
        check(root)
        turned = turn_keys(root, NONE)
        brought[turned.brought] += 1
        assert turned.left == 0 and turned.under == 7, point
        check(root)
        ring = open_ring(root, NONE).use()
        assert ring.keys == (ring.first,) and not (root / NEXT).exists(), point
    assert len(brought) >= 6  # each one went on from where it was


def test_killed_at_each_write_of_a_turn_to_a_given_key_everything_opens_for_both(folder: Path) -> None:
    old, new = key_file(folder / "old"), key_file(folder / "new")

    def prepare(root: Path) -> None:
        fill(root, given(old))

    for point, root in killed(lambda root: turn_keys(root, given(old), new), prepare, folder):
        check(root, given(old))
        if point == "disk.canary.after:2":
            continue  # it took over: the given one is to be exchanged
        turn_keys(root, given(old), new)
        check(root, given(old))
        check(root, given(new))


# --- killed on the way to containers

FILE = """
name: shop
services:
  db: {image: busybox, secrets: [db, {source: api, target: other, uid: "7"}]}
  web: {image: busybox, secrets: [db, api]}
secrets: {db: {external: true}, api: {external: true}}
"""
SPEC = ", security: {secrets: {managed: [db, api], reload: {web: {mode: signal}}}}"
FIRST, SECOND = {"db": b"first db", "api": b"first api"}, {"db": b"second db", "api": b"second api"}


def load(root: Path) -> Loaded:
    engine = Laying()
    asked = Asked(root, {"PATH": os.environ["PATH"]}, root / "state", (str(root / "house" / "shop.yaml"),))
    ground = Ground(engine, asked)
    try:
        ((_, loaded),), broken = ground.load_all(ground.targets())
        assert not broken
        return loaded
    finally:
        ground.close()


def shop_book(root: Path) -> SecretBook:
    return SecretBook(root / "state" / "simulated" / "shop", "shop")


def begin(root: Path) -> None:
    root.mkdir()
    with open_house(root, Laying()) as house:
        house.write("shop", FILE, SPEC)
    shop_book(root).put_all(ready_ring(root / "state", NONE), FIRST, "me", 1.0)
    load(root)


def renew(root: Path) -> None:
    shop_book(root).put_all(ready_ring(root / "state", NONE), SECOND, "me", 2.0)
    sweep(shop_book(root).folder, load(root).delivery, ())


def test_a_value_that_is_set_in_the_midst_is_in_no_file_of_the_one_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder / "state"
    begin(root)
    shop_book(root).put_all(ready_ring(root / "state", NONE), SECOND, "me", 2.0)
    third, load_all = {name: b"third" for name in FIRST}, SecretBook.load

    def load_and_set(book: SecretBook) -> Mapping[str, Record]:
        found = load_all(book)
        monkeypatch.setattr(SecretBook, "load", load_all)
        book.put_all(ready_ring(root / "state", NONE), third, "me", 3.0)
        return found

    monkeypatch.setattr(SecretBook, "load", load_and_set)
    load(root)
    mounts = shop_book(root).folder / "mounts"
    found = {path.read_bytes() for path in (mounts / "db" / "secrets").iterdir()}
    assert found == {*FIRST.values(), *SECOND.values()} and read_files(mounts / "web" / "run-secrets") == SECOND
    load(root)
    assert read_files(mounts / "web" / "run-secrets") == third


def test_several_who_only_look_do_not_get_into_each_others_way(folder: Path) -> None:
    root = folder / "state"
    begin(root)
    failures: list[BaseException] = []

    def look() -> None:
        try:
            for _ in range(6):
                load(root)
        except BaseException as error:
            failures.append(error)

    for number in range(6):
        shop_book(root).put_all(ready_ring(root / "state", NONE), {"db": b"%d" % number}, "me", 2.0)
        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert read_files(shop_book(root).folder / "mounts" / "web" / "run-secrets")["db"] == b"5"


def test_killed_at_each_write_on_the_way_to_containers_each_file_is_whole_and_the_next_pass_ends_it(
    folder: Path,
) -> None:
    values, found = {*FIRST.values(), *SECOND.values()}, set()
    for point, root in killed(renew, begin, folder):
        mounts = shop_book(root).folder / "mounts"
        files = [path for path in (mounts / "db" / "secrets").iterdir() if not path.name.startswith(".")]
        assert {path.read_bytes() for path in files} <= values and len(files) >= 2, point
        seen = read_files(mounts / "web" / "run-secrets")
        assert seen in (FIRST, SECOND), point
        found.add(seen == SECOND)
        book, ring = shop_book(root), open_ring(root / "state", NONE).use()
        assert {name: book.open(ring, name) for name in book.load()} in (FIRST, SECOND), point
        renew(root)
        assert read_files(mounts / "web" / "run-secrets") == SECOND, point
        left = [path.read_bytes() for path in (mounts / "db" / "secrets").iterdir()]
        assert sorted(left) == sorted(SECOND.values()), point
    assert found == {True, False}


def snapshot(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_damaged_canary_is_told_and_stops_nobody(folder: Path) -> None:
    fill(folder)
    (folder / CANARY).write_text("rotten")
    assert "damaged" in (open_ring(folder, NONE).locked or "")
    (folder / CANARY).unlink()
    check(folder, NONE)
