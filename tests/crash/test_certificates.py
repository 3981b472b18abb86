"""Certificates of one stack on a real disk: issued, renewed, and with the authority changed, whoever dies when."""

from __future__ import annotations

import os
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.loop.certbook import CertBook
from controller.loop.certifying import Certifier
from controller.loop.vaulting import find_vault
from controller.model.certified import INGRESS, Certified
from controller.model.errors import ControllerError
from controller.security.authority import names_of
from controller.security.issuing import Kept, mark_of, subject_of
from controller.security.leaves import BUNDLE, CHAIN, KEY, Facts, find_faults, read_bundle, read_facts
from controller.security.rotation import Stage
from tests.crash.mortal import KILLED, in_child

pytestmark = [pytest.mark.unit, pytest.mark.fault("C1")]

NOW = 1_800_000_000.0
DAY = 86400.0
WANTED: Mapping[str, Certified] = {"db": Certified(7 * DAY), "web": Certified(7 * DAY, aliases=("front",))}


class Office:
    """A stack's certificates under a root with a key of its own."""

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.book = CertBook(root / "engine" / "shop", "shop")
        self.environment = environment or {}

    @property
    def certifier(self) -> Certifier:
        """As a process that was just born has it."""
        return Certifier(self.book, *find_vault(self.root, self.environment))

    def facts(self, service: str) -> Facts:
        found = read_facts(self.book.files_of(service)[CHAIN])
        assert found is not None
        return found

    def take_up_all(self, wanted: Mapping[str, Certified] = WANTED) -> None:
        """Every service has read what lies there."""

        def note(kept: Kept) -> Kept:
            for name in wanted:
                kept = kept.with_record(name, replace(kept.of(name), taken=mark_of(self.book.files_of(name))))
            return kept

        self.book.change(note)

    def check(self, now: float | None = None) -> None:
        """Whoever looks finds pairs that fit, and services that believe each other; or nothing, before the first.

        `now` None: whenever they are valid.
        """
        shown = {name: files for name in WANTED if (files := self.book.files_of(name))}
        for name, files in shown.items():
            names = names_of(subject_of("shop", name, WANTED[name]))
            begins = self.facts(name).starts_at
            moment = begins if now is None else datetime.fromtimestamp(now, UTC)
            assert not find_faults(files[BUNDLE], files[CHAIN], files[KEY], names, moment)
        leaves = [read_facts(files[CHAIN]) for files in shown.values()]
        assert all(leaf and leaf.authority in read_bundle(files[BUNDLE]) for leaf in leaves for files in shown.values())


@pytest.fixture
def office(folder: Path) -> Office:
    return Office(folder)


def test_who_wants_one_gets_one_and_a_second_look_changes_nothing(office: Office) -> None:
    assert office.certifier.turn(WANTED, NOW) == (("db", "web"), "", False)
    office.check(NOW)
    before = {name: office.book.files_of(name) for name in WANTED}
    assert office.certifier.turn(WANTED, NOW + DAY) == ((), "", False)
    assert {name: office.book.files_of(name) for name in WANTED} == before
    assert set(office.facts("web").names) >= {"web", "front", "shop-web-1"}


def test_no_private_key_of_an_authority_lies_open_and_what_is_kept_is_for_our_eyes_only(office: Office) -> None:
    office.certifier.turn(WANTED, NOW)
    outside = [path for path in office.root.rglob("*") if path.is_file() and "mounts" not in path.parts]
    assert len(outside) >= 3 and not any(b"PRIVATE" in path.read_bytes() for path in outside)
    assert all(path.stat().st_mode & 0o077 == 0 for path in outside)
    assert (office.book.folder / "mounts").stat().st_mode & 0o077 == 0


def test_a_renewal_keeps_the_key_and_what_is_asked_for_anew_has_another(office: Office) -> None:
    office.certifier.turn(WANTED, NOW)
    first = {name: office.facts(name) for name in WANTED}
    assert office.certifier.turn(WANTED, NOW + 5 * DAY).services == ("db", "web")
    renewed = office.facts("db")
    assert (renewed.key, renewed.serial == first["db"].serial) == (first["db"].key, False)
    office.certifier.ask(WANTED, ("db",), "issue")
    assert office.certifier.turn(WANTED, NOW + 5 * DAY).services == ("db",)
    assert office.facts("db").key != renewed.key
    office.certifier.ask(WANTED, (), "renew")
    assert office.certifier.turn(WANTED, NOW + 5 * DAY).services == ("db", "web")
    assert office.certifier.turn(WANTED, NOW + 5 * DAY).services == ()


def test_another_name_is_another_certificate_and_who_is_wanted_no_more_is_forgotten(office: Office) -> None:
    office.certifier.turn(WANTED, NOW)
    wider = {**WANTED, "db": replace(WANTED["db"], replicas=8)}
    assert office.certifier.turn(wider, NOW).services == ("db",)
    assert office.certifier.turn({"web": WANTED["web"]}, NOW).services == ()
    assert set(office.book.load().records) == {"web"} and office.book.files_of("db")


def test_many_that_are_due_at_once_come_a_few_at_a_time_who_ends_first_before_the_others(office: Office) -> None:
    many = {f"s{number}": Certified(7 * DAY) for number in range(8)}
    assert office.certifier.turn(many, NOW) == (("s0", "s1", "s2", "s3", "s4"), "", True)
    assert office.certifier.turn(many, NOW + 1) == (("s5", "s6", "s7"), "", False)
    later = office.certifier.turn(many, NOW + 400 * DAY / 100 + 3 * DAY)
    assert set(later.services) <= {"s0", "s1", "s2", "s3", "s4"} and later.more


# --- without the key


def test_without_its_key_no_authority_is_made_and_what_there_is_goes_on(office: Office, folder: Path) -> None:
    office.certifier.turn(WANTED, NOW)
    before = {name: office.book.files_of(name) for name in WANTED}
    authority = office.book.load().authorities
    key = (folder / "encryption.key").read_bytes()
    (folder / "encryption.key").unlink()
    assert office.certifier.turn(WANTED, NOW + DAY) == ((), "", False)
    assert "no key to open them" in office.certifier.look(WANTED, NOW).trouble
    late = office.certifier.turn(WANTED, NOW + 5 * DAY)
    assert late.services == () and "no key to open them" in late.trouble
    assert {name: office.book.files_of(name) for name in WANTED} == before
    with pytest.raises(ControllerError, match="no authority can be made"):
        office.certifier.begin_change(NOW)
    assert office.book.load().authorities == authority
    (folder / "encryption.key").write_bytes(key)
    (folder / "encryption.key").chmod(0o600)
    assert office.certifier.turn(WANTED, NOW + 5 * DAY).services == ("db", "web"), "as soon as the key is there"


def test_a_wrong_key_from_the_beginning_makes_nothing(folder: Path) -> None:
    office = Office(folder, {"ENCRYPTION_KEY": "not a key"})
    assert "no key of 32 bytes" in office.certifier.turn(WANTED, NOW).trouble
    assert office.book.load() == Kept() and office.book.files_of("db") == {}
    assert (office.book.folder / "mounts" / "db").is_dir(), "who is started anyhow finds its folder"


def test_what_is_damaged_is_not_written_over(office: Office) -> None:
    office.certifier.turn(WANTED, NOW)
    path = office.book.folder / "certificates.json"
    path.write_text("torn")
    with pytest.raises(ControllerError, match="damaged, and not written over"):
        office.certifier.turn(WANTED, NOW + 5 * DAY)
    assert path.read_text() == "torn"


def test_an_authority_whose_key_is_gone_is_told_and_changing_it_mends_that(office: Office) -> None:
    office.certifier.turn(WANTED, NOW)
    office.take_up_all()
    for path in office.book.folder.glob("*.key.sealed"):
        path.unlink()
    assert "key.sealed: No such file" in office.certifier.turn(WANTED, NOW + 5 * DAY).trouble
    office.certifier.begin_change(NOW + 5 * DAY)
    for hours in range(4):
        office.certifier.turn(WANTED, NOW + 5 * DAY + hours * 3600)
        office.take_up_all()
        office.certifier.advance(WANTED, NOW + 5 * DAY + hours * 3600)
    assert office.facts("db").authority == office.book.load().rotation.issuer
    office.check(NOW + 6 * DAY)


# --- a change of authority


def change_whole(office: Office, at: float, each: Callable[[float], None] = lambda _: None) -> list[Stage]:
    """All its phases, with services that read again each time; `each` between any two steps."""
    stages = []
    for step in range(12):
        now = at + step * 1.5 * DAY
        office.certifier.turn(WANTED, now)
        each(now)
        office.take_up_all()
        rotation = office.certifier.advance(WANTED, now)
        each(now)
        if rotation is not None and (not stages or stages[-1] is not rotation.stage):
            stages.append(rotation.stage)
    return stages


def test_the_authority_changes_in_four_phases_and_nobody_refuses_anybody(office: Office) -> None:
    office.certifier.turn(WANTED, NOW)
    office.take_up_all()
    old = office.facts("db").authority
    office.certifier.begin_change(NOW)
    with pytest.raises(ControllerError, match="being changed already"):
        office.certifier.begin_change(NOW)
    stages = change_whole(office, NOW, office.check)
    assert stages == [Stage.SWITCH, Stage.OUTLIVE, Stage.DROP, Stage.NONE]
    kept = office.book.load()
    assert old not in kept.authorities and len(kept.authorities) == 1
    assert len(list(office.book.folder.glob("*.key.sealed"))) == 1


def test_nothing_goes_on_while_one_service_has_not_read(office: Office) -> None:
    office.certifier.turn(WANTED, NOW)
    office.certifier.begin_change(NOW)
    office.certifier.turn(WANTED, NOW)
    for days in range(5):
        rotation = office.certifier.advance(WANTED, NOW + days * DAY)
        assert rotation is not None and rotation.stage is Stage.ADD


def test_clients_of_the_ingress_have_time_to_hear_of_a_new_authority(office: Office) -> None:
    wanted = {**WANTED, INGRESS: Certified(7 * DAY, replicas=0)}
    office.certifier.turn(wanted, NOW)
    office.certifier.begin_change(NOW)
    office.certifier.turn(wanted, NOW)
    office.take_up_all(wanted)
    old = office.book.load().rotation.issuer
    for days in (0, 1, 6.9):
        assert office.certifier.advance(wanted, NOW + days * DAY).stage is Stage.ADD
        assert read_facts(office.book.files_of(INGRESS)[CHAIN]).authority == old
        assert len(read_bundle(office.book.files_of(INGRESS)[BUNDLE])) == 2
    assert office.certifier.advance(wanted, NOW + 7 * DAY).stage is Stage.SWITCH


def test_the_ingress_that_wants_none_any_more_leaves_no_key_behind(office: Office) -> None:
    office.certifier.turn({**WANTED, INGRESS: Certified(7 * DAY, replicas=0)}, NOW)
    folder = office.book.folder / "mounts" / INGRESS
    assert office.book.files_of(INGRESS)[KEY]
    office.certifier.turn(WANTED, NOW)
    assert not folder.exists() and set(office.book.load().records) <= set(WANTED)


def test_an_authority_is_changed_by_itself_long_before_its_end(office: Office) -> None:
    office.certifier.turn(WANTED, NOW)
    office.certifier.turn(WANTED, NOW + 200 * DAY)
    assert office.book.load().rotation.stage is Stage.NONE
    office.certifier.turn(WANTED, NOW + 250 * DAY)
    assert office.book.load().rotation.stage is Stage.ADD
    office.check(NOW + 250 * DAY)


# --- death at each write


def story(office: Office) -> None:
    """First certificates, renewals, and a whole change of the authority; each act as a new process does it."""
    office.certifier.turn(WANTED, NOW)
    office.take_up_all()
    office.certifier.turn(WANTED, NOW + 5 * DAY)
    office.take_up_all()
    if office.book.load().rotation.stage is Stage.NONE and len(office.book.load().authorities) == 1:
        office.certifier.begin_change(NOW + 5 * DAY)
    change_whole(office, NOW + 5 * DAY)


def passed(folder: Path) -> Counter[str]:
    record = folder / "passed"
    (folder / "undisturbed").mkdir()
    ended = in_child(lambda: story(Office(folder / "undisturbed")), folder, record=record)
    assert ended == 0, (folder / "fault").read_text()
    return Counter(record.read_text().split())


def die_at(points: list[str], folder: Path) -> None:
    dead = 0
    for number, point in enumerate(points):
        root = folder / str(number)
        root.mkdir()
        ended = in_child(lambda root=root: story(Office(root)), folder, point)
        assert ended in (KILLED, 0), (folder / "fault").read_text()
        dead += ended == KILLED  # chance chooses when something is renewed, and so how many writes there are
        office = Office(root)
        office.check()
        office.certifier.turn(WANTED, NOW + 23 * DAY)
        office.check(NOW + 23 * DAY)
        assert all(office.book.files_of(name) for name in WANTED), point
        change_whole(office, NOW + 23 * DAY, office.check)
        kept = office.book.load()
        assert kept.rotation.stage is Stage.NONE and len(kept.authorities) == 1, (point, kept.rotation)
        assert len(list(office.book.folder.glob("*.key.sealed"))) == 1, point
    assert dead > 0.8 * len(points)


def test_killed_at_some_of_each_write_pairs_fit_and_the_next_one_goes_on(folder: Path) -> None:
    counts = passed(folder)
    assert {"disk.certificate.before", "disk.mount.before", "disk.key.before"} <= set(counts)
    die_at([f"{point}:{max(1, most // 2)}" for point, most in counts.items()], folder)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_each_write_pairs_fit_and_the_next_one_goes_on(folder: Path) -> None:
    counts = passed(folder)
    die_at([f"{point}:{times}" for point, most in counts.items() for times in range(1, most + 1)], folder)


# --- readers


def renew_under_readers(office: Office, times: int) -> tuple[int, list[str]]:
    """How often three readers loaded the pair meanwhile, as a server does, and what they could not use."""
    office.certifier.turn(WANTED, NOW)
    mount, over = office.book.folder / "mounts" / "db", threading.Event()
    loads, faults = [0, 0, 0], []

    def read(which: int) -> None:
        while not over.is_set():
            try:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(mount / CHAIN, mount / KEY)
                context.load_verify_locations(mount / BUNDLE)
            except (OSError, ssl.SSLError) as error:
                faults.append(str(error))
            loads[which] += 1

    readers = [threading.Thread(target=read, args=(which,)) for which in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(times):
            office.certifier.ask(WANTED, ("db",), "renew")
            assert office.certifier.turn(WANTED, NOW).services == ("db",)
    finally:
        over.set()
        for reader in readers:
            reader.join()
    return min(loads), faults


def test_a_pair_can_be_loaded_at_any_moment_of_many_renewals(office: Office) -> None:
    loads, faults = renew_under_readers(office, 25)
    assert loads > 5 and not faults


@pytest.mark.slow
def test_a_thousand_renewals_and_never_a_pair_that_cannot_be_loaded(office: Office) -> None:
    serials = office.facts("db").serial if office.book.delivered() else ""
    loads, faults = renew_under_readers(office, 1000)
    assert loads > 100 and not faults and office.facts("db").serial != serials


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_key_is_its_users_alone_and_follows_another_one(office: Office) -> None:
    mount = office.book.folder / "mounts" / "db"
    modes = {}
    for uid, gid in ((999, None), (1000, None), (None, 998), (None, None)):
        office.certifier.turn({"db": Certified(7 * DAY, uid=uid, gid=gid)}, NOW)
        found = (mount / KEY).stat()
        modes[uid, gid] = (found.st_uid, found.st_gid, found.st_mode & 0o777)
    assert modes == {
        (999, None): (999, 0, 0o400),
        (1000, None): (1000, 0, 0o400),
        (None, 998): (0, 998, 0o440),
        (None, None): (0, 0, 0o444),
    }
