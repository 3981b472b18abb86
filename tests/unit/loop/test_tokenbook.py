"""The file of keys and issued tokens: what is revoked stays so, keys follow each other, nothing is there in half."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from controller.loop.keyring import Opened, open_ring
from controller.loop.keyturn import turn_keys
from controller.loop.tokenbook import TokenBook
from controller.loop.tokenfile import FILE
from controller.loop.tokenpage import Issued
from controller.loop.tokenseals import Seals
from controller.model.errors import ControllerError
from controller.security.signing import BadToken, read_secret_key, sign, verify
from controller.security.vault import make_key

pytestmark = pytest.mark.unit

NOW = 1_800_000_000.0
SECRET = read_secret_key("q7Zt0mJ4vX9sLw2Rk8Bd5Nf1Hc6Py3GaQ")


def token(number: int, user: str = "ada", lifetime: float = 3600.0, now: float = NOW) -> Issued:
    return Issued(f"{number:016x}", user, now, now + lifetime, "", ("viewer",))


def issue(book: TokenBook, number: int, lifetime: float = 3600.0, now: float = NOW) -> str:
    ring, made = book.issue(token(number, lifetime=lifetime, now=now), now)
    return sign(ring, made.claims)


def is_taken(book: TokenBook, text: str, now: float = NOW) -> bool:
    ring = book.ring()
    try:
        return ring is not None and book.is_good(verify(ring, text, now).id)
    except BadToken:
        return False


def test_nothing_is_written_before_something_is_issued(tmp_path: Path) -> None:
    book = TokenBook(tmp_path / "c")
    book.settle(NOW)
    assert book.page() is None and book.ring() is None and not book.is_good("0" * 16)
    assert not (tmp_path / "c").exists()


def test_the_file_is_its_owners_alone_and_has_no_token(tmp_path: Path) -> None:
    text = issue(TokenBook(tmp_path / "c"), 1)
    file = tmp_path / "c" / FILE
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == [FILE]
    written = file.read_text()
    assert not any(part in written for part in text.split("."))


def test_keys_are_made_once_and_another_process_has_the_same(tmp_path: Path) -> None:
    first, second = issue(TokenBook(tmp_path), 1), issue(TokenBook(tmp_path), 2)
    book = TokenBook(tmp_path)
    assert is_taken(book, first) and is_taken(book, second)
    page = book.page()
    assert page is not None and len(page.keys) == 1
    assert page.keys[0].secret not in repr(page)


def test_what_one_process_revokes_the_other_knows_at_once_and_after_a_restart(tmp_path: Path) -> None:
    running, command = TokenBook(tmp_path), TokenBook(tmp_path)
    texts = [issue(command, number) for number in range(3)]
    assert all(is_taken(running, text) for text in texts)
    assert [one.id for one in command.revoke(lambda one: one.id == token(1).id, NOW)] == [token(1).id]
    for book in (running, command, TokenBook(tmp_path)):
        assert [is_taken(book, text) for text in texts] == [True, False, True]
    assert command.revoke(lambda one: one.id == token(1).id, NOW) == ()


def test_a_token_that_was_signed_rightly_but_never_issued_is_none(tmp_path: Path) -> None:
    book = TokenBook(tmp_path)
    issue(book, 1)
    ring = book.ring()
    assert ring is not None and not is_taken(book, sign(ring, token(2).claims))


def test_after_a_rotation_old_tokens_are_good_until_they_expire_and_then_their_key_goes(tmp_path: Path) -> None:
    book = TokenBook(tmp_path)
    old = issue(book, 1)
    book.rotate(NOW + 10)
    new = issue(book, 2, now=NOW + 10)
    assert old.split(".")[0] != new.split(".")[0]
    assert is_taken(book, old, NOW + 20) and is_taken(book, new, NOW + 20)
    page = book.page()
    assert page is not None and [one.retired for one in page.keys] == [None, NOW + 10]
    book.rotate(NOW + 4000)
    page = book.page()
    assert page is not None and [one.retired for one in page.keys] == [None]  # nothing is left that they signed
    assert not is_taken(book, old, NOW + 20)


def test_a_rotation_may_revoke_all(tmp_path: Path) -> None:
    book = TokenBook(tmp_path)
    old = issue(book, 1)
    book.rotate(NOW + 1, revoke_all=True)
    page = book.page()
    assert page is not None and len(page.keys) == 1 and page.tokens[0].state(NOW + 2) == "revoked"
    assert not is_taken(book, old) and is_taken(book, issue(book, 2))


def test_expired_ones_are_listed_for_a_week(tmp_path: Path) -> None:
    book = TokenBook(tmp_path)
    issue(book, 1)
    issue(book, 2, now=NOW + 6 * 86400)
    page = book.page()
    assert page is not None and [one.state(NOW + 6 * 86400) for one in page.tokens] == ["expired", "valid"]
    issue(book, 3, now=NOW + 9 * 86400)
    page = book.page()
    assert page is not None and [one.id[-1] for one in page.tokens] == ["2", "3"]


def test_with_a_secret_no_key_is_kept_and_changing_over_voids_what_was_signed_before(tmp_path: Path) -> None:
    made, told = TokenBook(tmp_path), TokenBook(tmp_path, SECRET)
    old = issue(made, 1)
    told.settle(NOW)
    new = issue(told, 2)
    assert not is_taken(told, old) and is_taken(told, new) and not is_taken(made, new)
    assert SECRET.secret.decode() not in (tmp_path / FILE).read_text()
    made.settle(NOW)  # and back: what was void stays so
    assert not is_taken(made, old) and not is_taken(made, new) and is_taken(made, issue(made, 3))
    told.settle(NOW)
    assert not is_taken(told, new)


def test_a_command_with_another_key_than_the_controller_is_refused(tmp_path: Path) -> None:
    told, other = TokenBook(tmp_path, SECRET), TokenBook(tmp_path)
    told.settle(NOW)
    told.check_signer()
    with pytest.raises(ControllerError, match="another key"):
        other.check_signer()
    with pytest.raises(ControllerError, match="JWT_SECRET_KEY"):
        told.rotate(NOW)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"id": 1}', "\0" * 40, '{"keys": [{}], "tokens": [], "id": "x", "signer": ""}']
)
def test_a_damaged_file_opens_nothing_and_is_told(tmp_path: Path, text: str) -> None:
    book = TokenBook(tmp_path)
    issue(book, 1)
    (tmp_path / FILE).write_text(text)
    for call in (
        book.page,
        book.ring,
        lambda: issue(book, 2),
        lambda: book.rotate(NOW),
        lambda: book.is_good("0" * 16),
    ):
        with pytest.raises(ControllerError, match=FILE) as told:
            call()
        assert "all tokens are void" in (told.value.hint or "")
    assert (tmp_path / FILE).read_text() == text


def test_a_file_that_others_can_reach_is_refused(tmp_path: Path) -> None:
    issue(TokenBook(tmp_path), 1)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(ControllerError, match="others can reach it"):
        TokenBook(tmp_path).page()


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    text = issue(TokenBook(tmp_path), 1)
    (tmp_path / f".{FILE}.new").write_text("half")
    assert is_taken(TokenBook(tmp_path), text) and is_taken(TokenBook(tmp_path), issue(TokenBook(tmp_path), 2))


# --- encrypted keys


GIVEN = {"ENCRYPTION_KEY": make_key()}


def sealed_book(root: Path, environment: Mapping[str, str] = GIVEN) -> TokenBook:
    return TokenBook(root / "engine" / "_controller", None, Seals(root, environment))


def secrets_in(root: Path) -> list[str]:
    said = json.loads((root / "engine" / "_controller" / FILE).read_text())
    return [one["secret"] for one in said["keys"]]


def test_where_there_is_an_encryption_key_no_seed_is_on_the_disk_in_clear(tmp_path: Path) -> None:
    book = sealed_book(tmp_path)
    old = issue(book, 1)
    book.rotate(NOW + 1)
    new = issue(book, 2)
    assert all(one.startswith("v1:") for one in secrets_in(tmp_path)) and len(secrets_in(tmp_path)) == 2
    for reader in (book, sealed_book(tmp_path)):
        assert is_taken(reader, old) and is_taken(reader, new)
    ring = book.ring()
    assert ring is not None
    text = (tmp_path / "engine" / "_controller" / FILE).read_text()
    assert not any(base64.b64encode(key.secret).decode() in text for key in ring.keys)


def test_no_encryption_key_is_made_for_tokens_and_what_was_in_clear_is_taken_over_by_the_next_write(
    tmp_path: Path,
) -> None:
    text = issue(sealed_book(tmp_path, {}), 1)
    assert not secrets_in(tmp_path)[0].startswith("v1:") and not (tmp_path / "encryption.key").exists()
    assert open_ring(tmp_path, {}) == Opened(None), "what is in clear locks nothing"
    book = sealed_book(tmp_path)
    assert is_taken(book, text) and not secrets_in(tmp_path)[0].startswith("v1:")
    issue(book, 2)
    assert secrets_in(tmp_path)[0].startswith("v1:") and is_taken(book, text)
    assert (tmp_path / "encryption.canary").exists(), "another key is known for a wrong one from now on"


@pytest.mark.parametrize("wrong", [{}, {"ENCRYPTION_KEY": make_key()}], ids=["gone", "another"])
def test_without_the_right_encryption_key_no_token_is_taken_and_only_revoking_goes_on(
    tmp_path: Path, wrong: Mapping[str, str]
) -> None:
    text = issue(sealed_book(tmp_path), 1)
    before = secrets_in(tmp_path)
    locked = sealed_book(tmp_path, wrong)
    assert (page := locked.page()) is not None and len(page.tokens) == 1, "what was issued is listed"
    for call in (locked.ring, lambda: locked.settle(NOW), lambda: issue(locked, 2), lambda: locked.rotate(NOW)):
        with pytest.raises(ControllerError, match=r"encrypted|no key") as told:
            call()
        assert "ENCRYPTION_KEY_FILE" in (told.value.hint or "")
    assert secrets_in(tmp_path) == before
    assert len(locked.revoke(lambda one: True, NOW)) == 1
    assert secrets_in(tmp_path) == before and not is_taken(sealed_book(tmp_path), text)


def test_an_encrypted_key_opens_in_its_own_place_alone(tmp_path: Path) -> None:
    issue(sealed_book(tmp_path), 1)
    file = tmp_path / "engine" / "_controller" / FILE
    said = json.loads(file.read_text())
    for changed in ({"id": "0" * 32}, {"keys": [{**said["keys"][0], "kid": "ed-0000000000000000"}]}):
        file.write_text(json.dumps({**said, **changed}))
        with pytest.raises(ControllerError, match="not what was written"):
            sealed_book(tmp_path).ring()


def test_a_name_like_an_encrypted_record_is_a_name(tmp_path: Path) -> None:
    book = sealed_book(tmp_path)
    book.issue(token(1, user="v1:deadbeef:tokens:x:y"), NOW)
    assert turn_keys(tmp_path, {**GIVEN}).left == 0


def test_when_the_encryption_key_turns_the_keys_of_tokens_go_with_it(tmp_path: Path) -> None:
    book = sealed_book(tmp_path)
    text, (before,) = issue(book, 1), secrets_in(tmp_path)
    new = tmp_path / "new"
    new.write_text(make_key())
    new.chmod(0o600)
    done = turn_keys(tmp_path, GIVEN, new)
    assert (done.brought, done.under, done.left) == (1, 1, 0)
    assert secrets_in(tmp_path) != [before]
    given = {"ENCRYPTION_KEY_FILE": str(new)}
    assert is_taken(book, text), "who has it open goes on"
    assert is_taken(sealed_book(tmp_path, given), text) and is_taken(sealed_book(tmp_path, given), issue(book, 2))


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    def work(first: int) -> None:
        book = TokenBook(tmp_path)
        for number in range(first, first + 5):
            issue(book, number)
            if number % 5 == 4:
                book.revoke(lambda one: one.id == token(first).id, NOW)

    threads = [threading.Thread(target=work, args=(10 * index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page = TokenBook(tmp_path).page()
    assert page is not None and len(page.tokens) == 20 and len(page.keys) == 1
    assert sum(one.revoked is not None for one in page.tokens) == 4
    assert json.loads((tmp_path / FILE).read_text())["id"] == page.id
