"""Contents under a key: AES-256-GCM, each under a key of its own that the encryption key wraps, bound to what it is.

Sealed text is `v1:<key id>:<use>:<wrapped key>:<content>`. It opens only for the use and the context that it was
sealed for, so that no record can take another's place, and only where no byte of it was changed. Every use has a
sub-key of its own. Keys come in as text (`read_key`), randomness as a function; nothing is read or written here.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from controller.model.errors import ControllerError

BYTES = 32
"""Of a key."""
SECRETS, AUTHORITY, AUDIT, TOKENS, CANARY = "secrets", "ca", "audit", "tokens", "canary"
"""What is sealed: values of secrets, keys of the authority, what signs the audit log, what signs tokens, a word that
tells a wrong key."""
HINT = "make one with: openssl rand -base64 32"

_FORM = "v1"
_NONCE = 12
_FEWEST = 16
"""Different bytes below which 32 of them are no random ones: of 10**20 random keys not one has so few."""
_EXAMPLES = frozenset({"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="})
"""Keys that documents show: the one of Fernet's specification."""
_SEALED = re.compile(r"v1:[0-9a-f]{8}:[a-z]+:[\w-]+:[\w-]+", re.ASCII)
_WORD = b"this key opens this state"

Entropy = Callable[[int], bytes]


class VaultLocked(ControllerError):
    """What is sealed cannot be opened for want of its key. It is left as it is."""


class RecordDamaged(ControllerError):
    """What is sealed is not what was sealed, or not for this."""


@dataclass(frozen=True, slots=True)
class Key:
    """An encryption key. `id` names it, and tells nothing of it."""

    master: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hmac.digest(self.sub_key("id"), b"id", "sha256").hex()[:8]

    def sub_key(self, use: str) -> bytes:
        """32 bytes for that use alone; they tell nothing of those for another, nor of the key."""
        return HKDF(SHA256(), BYTES, salt=None, info=f"{use}/{_FORM}".encode()).derive(self.master)


class Ring(NamedTuple):
    """The first key seals; any of them opens."""

    keys: tuple[Key, ...]

    @property
    def first(self) -> Key:
        return self.keys[0]

    def find(self, key_id: str) -> Key | None:
        return next((key for key in self.keys if key.id == key_id), None)


def make_key(entropy: Entropy = secrets.token_bytes) -> str:
    """A new one, as text that `read_key` reads."""
    return base64.b64encode(entropy(BYTES)).decode()


def read_key(text: str, place: str) -> Key:
    """32 bytes in base64, as Fernet's keys are, or in hex. Raises ControllerError for what is no key, with `place`."""
    text = text.strip()
    master = _decoded(text)
    if master is None or len(master) != BYTES:
        raise ControllerError(f"{place}: no key of {BYTES} bytes in base64 or hex", hint=HINT)
    if text in _EXAMPLES or _is_made_up(master):
        raise ControllerError(f"{place}: an example or a pattern, which anybody can guess, is no key", hint=HINT)
    return Key(master)


def _decoded(text: str) -> bytes | None:
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text)
    try:
        plain = text.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_made_up(master: bytes) -> bool:
    """Few different bytes, a count, or text: what a person types."""
    steps = {(after - before) % 256 for before, after in pairwise(master)}
    return len(set(master)) < _FEWEST or len(steps) == 1 or all(32 <= byte < 127 for byte in master)


def seal(ring: Ring, use: str, context: str, content: bytes, entropy: Entropy = secrets.token_bytes) -> str:
    """The content, for this use and context alone."""
    own = entropy(BYTES)
    wrapped = _wrap(ring.first, use, own, entropy)
    return _text(ring.first.id, use, wrapped, _encrypt(own, content, f"{use}|{context}", entropy))


def unseal(ring: Ring, use: str, context: str, sealed: str) -> bytes:
    """Raises VaultLocked where its key is not at hand, RecordDamaged where it is another record or was changed."""
    record = _parse(sealed)
    if record.use != use:
        raise _damaged()
    return _decrypt(_unwrap(ring, record), record.content, f"{use}|{context}")


def rewrap(ring: Ring, sealed: str, entropy: Entropy = secrets.token_bytes) -> str:
    """The same under the first key; as it is where it is that already. Raises as `unseal` does."""
    record = _parse(sealed)
    if record.key_id == ring.first.id:
        return sealed
    wrapped = _wrap(ring.first, record.use, _unwrap(ring, record), entropy)
    return _text(ring.first.id, record.use, wrapped, record.content)


def key_of(sealed: str) -> str:
    """The id of the key that it is under. Raises RecordDamaged."""
    return _parse(sealed).key_id


def context_of(*parts: str | int) -> str:
    """What binds a record, so that no other parts make the same."""
    return json.dumps(parts, separators=(",", ":"))


def tag_of(key: Key, context: str, content: bytes) -> str:
    """Sixteen digits that change with the content, and tell nobody without the key what it is."""
    return hmac.digest(key.sub_key("tags"), context.encode() + b"\0" + content, "sha256").hex()[:16]


def make_canary(ring: Ring) -> str:
    """What `is_for` knows the first key by."""
    return seal(ring, CANARY, CANARY, _WORD)


def is_for(ring: Ring, canary: str) -> bool:
    """Whether one of these keys is the one that the canary was made with."""
    try:
        return unseal(ring, CANARY, CANARY, canary) == _WORD
    except (VaultLocked, RecordDamaged):
        return False


class _Record(NamedTuple):
    key_id: str
    use: str
    wrapped: bytes
    content: bytes


def _parse(sealed: str) -> _Record:
    if not _SEALED.fullmatch(sealed):
        raise _damaged()
    _, key_id, use, wrapped, content = sealed.split(":")
    record = _Record(key_id, use, _from_text(wrapped), _from_text(content))
    if _text(*record) != sealed:  # two spellings of the same bytes are one too many
        raise _damaged()
    return record


def _text(key_id: str, use: str, wrapped: bytes, content: bytes) -> str:
    return ":".join((_FORM, key_id, use, _to_text(wrapped), _to_text(content)))


def _to_text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _from_text(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise _damaged() from None


def _wrap(key: Key, use: str, own: bytes, entropy: Entropy) -> bytes:
    return _encrypt(key.sub_key(use), own, f"{_FORM}|{key.id}|{use}", entropy)


def _unwrap(ring: Ring, record: _Record) -> bytes:
    key = ring.find(record.key_id)
    if key is None:
        have = ", ".join(one.id for one in ring.keys)
        hint = "give the key that it was encrypted with, in ENCRYPTION_KEY_FILE"
        raise VaultLocked(f"encrypted under key {record.key_id}; at hand: {have}", hint=hint)
    return _decrypt(key.sub_key(record.use), record.wrapped, f"{_FORM}|{key.id}|{record.use}")


def _encrypt(key: bytes, content: bytes, bound: str, entropy: Entropy) -> bytes:
    nonce = entropy(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, bound.encode())


def _decrypt(key: bytes, content: bytes, bound: str) -> bytes:
    try:
        return AESGCM(key).decrypt(content[:_NONCE], content[_NONCE:], bound.encode())
    except (InvalidTag, ValueError):
        raise _damaged() from None


def _damaged() -> RecordDamaged:
    return RecordDamaged("what is encrypted is not what was written, or was written for something else")
