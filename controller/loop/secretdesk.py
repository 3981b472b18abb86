"""What a person does to secrets: each act goes through one of the methods of `SecretDesk`, under the key of now."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from controller.intake.managed import check_name, find_uses, managed_by, users_of
from controller.loop.acting import who
from controller.loop.auditor import caller
from controller.loop.ground import Ground, complain
from controller.loop.keyring import Opened, held_ring
from controller.loop.lock import read_holder
from controller.loop.secretbook import MOST_BYTES, Record, SecretBook
from controller.loop.wake import nudge
from controller.model.errors import ControllerError, EngineError, InvalidInput
from controller.model.secret import SecretSeen, SecretSet, StackSecrets
from controller.model.status import Event
from controller.security.audit import Act, Via

if TYPE_CHECKING:
    from controller.intake.targets import Target

Users = Mapping[str, tuple[str, ...]]

_LETTERS = string.ascii_letters + string.digits
MADE = 32
"""Characters of a value that is made here, of 62 each: 190 bits."""


class _Stack(NamedTuple):
    """A stack, what its manifest leaves to the controller, and who uses what of that."""

    name: str
    managed: tuple[str, ...]
    users: Users


class SecretDesk:
    """Of one call of the command line. Raises ControllerErrors, VaultLocked where the key is missing or wrong."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._who = who()

    def show(self) -> Sequence[StackSecrets]:
        """All of them, without a value; needs no key."""
        opened = self._ground.keys()
        return [
            make_seen(one.name, self._book(one.name).load(), opened, one.users, one.managed) for one in self._stacks()
        ]

    def put(self, values: Mapping[str, bytes]) -> Sequence[SecretSet]:
        """Set these, all or none of them."""
        for name, value in values.items():
            _check(name, value)
        stack = self._stack_for(values)
        return self._put(stack, values, "set")

    def rotate(self, name: str, length: int = MADE) -> SecretSet:
        """A new value, made here, that nobody has seen; of one that has a value, or that the manifest names."""
        stack = self._stack_for((name,))
        if name not in stack.managed:
            self._find(stack, name)
        value = "".join(secrets.choice(_LETTERS) for _ in range(length))
        return self._put(stack, {name: value.encode()}, "rotate")[0]

    def remove(self, name: str) -> SecretSet:
        """Forget one that no service is given."""
        stack = self._stack_for((name,))
        found = self._find(stack, name)
        if users := stack.users.get(name):
            message = f"{stack.name}: {', '.join(users)} would be left without secret '{name}'"
            raise ControllerError(message, hint="take it out of security.secrets.managed, and apply that, first")
        with self._recorded("remove", stack.name, (name,)):
            self._book(stack.name).remove(name)
        self._tell(stack.name, f"secret '{name}' was removed by {self._who}")
        return SecretSet(stack.name, name, found.version, changed=True)

    def _recorded(self, verb: str, stack: str, names: Iterable[str]) -> AbstractContextManager[None]:
        """Around each change: in the audit log, names alone."""
        act = Act(self._who, Via.CLI, verb, "secret", ", ".join(names), stack, caller())
        return self._ground.audit.acting(act)

    def _put(self, stack: _Stack, values: Mapping[str, bytes], verb: str) -> Sequence[SecretSet]:
        keys = held_ring(self._ground.asked.root, self._ground.asked.environment)
        with self._recorded(verb, stack.name, values), keys as ring:
            made = self._book(stack.name).put_all(ring, values, self._who, self._ground.now())
        for record in (record for record, changed in made if changed):
            self._tell(stack.name, f"secret '{record.name}' has version {record.version}, set by {self._who}")
        kept = self._nudge(stack.name)
        users, managed = stack.users, frozenset(stack.managed)
        return [
            SecretSet(stack.name, one.name, one.version, changed, users.get(one.name, ()), one.name in managed, kept)
            for one, changed in made
        ]

    def _find(self, stack: _Stack, name: str) -> Record:
        records = self._book(stack.name).load()
        if name not in records:
            known = f"known: {', '.join(sorted(records)) or 'none'}"
            raise ControllerError(f"{stack.name} has no secret '{name}' with a value", hint=known)
        return records[name]

    def _book(self, stack: str) -> SecretBook:
        return SecretBook(self._ground.folder(stack), stack)

    def _tell(self, stack: str, message: str) -> None:
        """For whoever asks what happened; names and versions only."""
        now = self._ground.now()
        self._ground.store(stack).events.append(Event(now, stack, None, "Normal", "SecretChanged", message))

    def _nudge(self, stack: str) -> bool:
        """Whether a controller keeps the stack, which has heard of it now."""
        kept = read_holder(self._ground.lock_path(stack)) is not None
        return kept and nudge(self._ground.folder(stack))

    # --- which stack

    def _stacks(self) -> Sequence[_Stack]:
        targets = self._ground.targets()
        if not targets.stacks:
            complain(targets.broken)
        return [self._read(target) for target in targets.stacks]

    def _read(self, target: Target) -> _Stack:
        """By its files alone; of files that cannot be used now nobody knows who uses what."""
        try:
            rendered = self._ground.engine.render(target.project)
        except (InvalidInput, EngineError):
            return _Stack(target.name, managed_by(target.manifest), {})
        uses = find_uses(target.manifest, rendered.model)
        return _Stack(rendered.name, managed_by(target.manifest), users_of(uses))

    def _stack_for(self, names: Iterable[str]) -> _Stack:
        """The one that is meant: the only one, or the only one whose manifest knows such a secret."""
        stacks, wanted = self._stacks(), frozenset(names)
        known = [one for one in stacks if wanted & frozenset(one.managed)] if len(stacks) > 1 else stacks
        if len(known) != 1:
            listed = ", ".join(sorted(one.name for one in stacks)) or "none"
            raise ControllerError("whose secret that is has to be said", hint=f"-s STACK; there are: {listed}")
        return known[0]


def make_seen(
    stack: str, records: Mapping[str, Record], opened: Opened, users: Users, managed: Iterable[str]
) -> StackSecrets:
    """What is known of the secrets of a stack, those without a value among them."""
    known = frozenset(managed)
    seen = [_seen(name, records.get(name), users.get(name, ()), name in known) for name in sorted({*records, *known})]
    key_id = opened.ring.first.id if opened.ring is not None else None
    return StackSecrets(stack, tuple(seen), key_id, opened.locked)


def seen_of(folder: Path, stack: str, opened: Opened, users: Users) -> StackSecrets:
    """The same of a stack that is kept here: who uses what follows from what is in force."""
    return make_seen(stack, SecretBook(folder, stack).load(), opened, users, users)


def _seen(name: str, record: Record | None, users: tuple[str, ...], managed: bool) -> SecretSeen:
    if record is None:
        return SecretSeen(name, users=users, managed=managed)
    return SecretSeen(name, record.version, record.set_at, record.by, record.key_id, users, managed)


def _check(name: str, value: bytes) -> None:
    check_name(name)
    if not value:
        raise ControllerError(f"secret '{name}': an empty value is none", hint="secrets remove forgets one")
    if len(value) > MOST_BYTES:
        raise ControllerError(f"secret '{name}': {len(value)} bytes are more than {MOST_BYTES}")
