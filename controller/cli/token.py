"""`token`: keys to the API and the dashboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from controller.cli.options import Options, takes_options
from controller.cli.parameters import DURATION

if TYPE_CHECKING:
    from pathlib import Path

    from controller.loop.tokenbook import TokenBook
    from controller.loop.tokenpage import Issued
    from controller.model.access import AccessPolicy

_LEAST, _MOST = 60.0, 366 * 86400.0
_OURS = frozenset({"api", "dashboard", "nobody", "owner", "scraper", "run", "controller"})
"""Names under which others than users are recorded."""


@click.group()
def token() -> None:
    """Keys to the API and the dashboard.

    The command line itself takes none: who reaches the engine's socket is root of this machine already.
    """


class _Place(NamedTuple):
    """Where tokens are kept: the state folder, and its part for this engine's controller."""

    root: Path
    folder: Path
    engine: str

    def recorded(self, verb: str, name: str, kind: str = "token") -> AbstractContextManager[None]:
        """Around what changes tokens, or lets somebody in: in the audit log, before and after."""
        from controller.loop.acting import who
        from controller.loop.auditor import AuditBook, caller
        from controller.security.audit import Act, Via

        book = AuditBook(self.root, lambda: self.engine)
        return book.acting(Act(who(), Via.CLI, verb, kind, name, origin=caller()))


@contextmanager
def _place(options: Options) -> Iterator[_Place]:
    from controller.cli.engine import open_engine
    from controller.loop.store import stack_dir, state_dir

    root = state_dir(os.environ, os.geteuid())
    with open_engine(options) as engine:
        number = engine.info().id
        yield _Place(root, stack_dir(root, number, "_controller"), number)


@token.command()
@takes_options()
def link(options: Options) -> int:
    """Print a link that opens the dashboard of the running controller, once, within an hour."""
    from controller.cli.terminal import print_lines
    from controller.model.errors import ControllerError
    from controller.web.keys import Address, Keys, read_token

    with _place(options) as place:
        address = Address.read(place.folder)
        if address is None:
            raise ControllerError("no controller serves a dashboard here", hint="controller run --watch")
        with place.recorded("link", "", "session"):
            code = Keys(read_token(place.root), address.epoch).make_code()
    print_lines([address.link(code)])
    return 0


@token.command()
@click.argument("user")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="This role, whatever the manifest says of USER.")
@click.option("--lifetime", type=DURATION, metavar="DURATION", help="How long it is valid.  [the manifest's word: 12h]")
@takes_options()
def create(options: Options, user: str, roles: tuple[str, ...], lifetime: float | None) -> int:
    """Print a new token of USER; it is kept nowhere, and shown this once.

    It may what the manifest's roles of USER allow, at each request; with --role it has these roles instead. With -s it
    is for these stacks alone.
    """
    from controller.cli.policy import read_policy
    from controller.cli.terminal import note, print_data, print_lines
    from controller.loop.tokenbook import take_key
    from controller.render.paint import age
    from controller.render.tokens import token_data
    from controller.security.signing import sign

    key, policy = take_key(os.environ), read_policy(options)
    made = _make(user, roles, options.stacks, policy, lifetime)
    with _place(options) as place, place.recorded("create", f"{made.id} of {user}"):
        ring, issued = _open_book(place, key).issue(made, made.issued)
    text = sign(ring, issued.claims)
    if options.structured:
        print_data({**token_data(issued, made.issued), "token": text}, options)
        return 0
    print_lines([text])
    whose = "the manifest's" if not roles else ", ".join(roles)
    note(f"token {issued.id} of {user}, roles: {whose}, for {age(issued.expires - issued.issued)}", options)
    return 0


def _make(
    user: str, roles: tuple[str, ...], stacks: tuple[str, ...], policy: AccessPolicy, lifetime: float | None
) -> Issued:
    """Raises ControllerError for what could open nothing, and for names that would mislead."""
    import secrets
    import time

    from controller.intake.findings import suggest
    from controller.loop.tokenpage import Issued
    from controller.model.errors import ControllerError

    seconds = policy.lifetime if lifetime is None else lifetime
    if user in _OURS or not user.isprintable() or not 0 < len(user) <= 128 or user != user.strip():
        raise ControllerError(f"'{user}' is no name of a user", hint="a word that no part of the controller has")
    for role in roles:
        if role not in policy.roles:
            hint = suggest(role, policy.roles) or f"there are: {', '.join(sorted(policy.roles))}"
            raise ControllerError(f"there is no role '{role}'", hint=hint)
    if not roles and not policy.roles_of(user):
        hint = "give it --role, or the user a role in access.users of the Controller manifest (-f names it)"
        raise ControllerError(f"'{user}' has no role, and the token would open nothing", hint=hint)
    if not _LEAST <= seconds <= _MOST:
        raise ControllerError("a token is valid for a minute at least, and for 366 days at most", hint="--lifetime 12h")
    now = float(int(time.time()))
    return Issued(secrets.token_hex(8), user, now, now + int(seconds), "", roles or None, stacks)


def _open_book(place: _Place, key: object) -> TokenBook:
    """Raises ControllerError where a controller serves that would refuse what is signed here."""
    from controller.loop.tokenbook import TokenBook
    from controller.loop.tokenseals import Seals
    from controller.security.signing import Key
    from controller.web.keys import Address

    assert key is None or isinstance(key, Key)
    book = TokenBook(place.folder, key, Seals(place.root, os.environ))
    if Address.read(place.folder) is not None:
        book.check_signer()
    return book


@token.command("list")
@takes_options()
def list_(options: Options) -> int:
    """List the tokens that were issued, with what became of them; never a token itself."""
    import time

    from controller.cli.terminal import paint_for, print_data, print_lines, width_for
    from controller.loop.tokenbook import TokenBook
    from controller.render.tokens import token_lines, tokens_data

    with _place(options) as place:
        page, now = TokenBook(place.folder).page(), time.time()
    tokens = page.tokens if page is not None else ()
    if options.structured:
        print_data(tokens_data(tokens, now), options)
    elif options.output == "name":
        print_lines(one.id for one in tokens)
    else:
        width = None if options.output == "wide" else width_for()
        print_lines(token_lines(tokens, now, paint=paint_for(options), width=width))
    return 0


@token.command()
@click.argument("numbers", nargs=-1, metavar="[ID]...")
@click.option("--user", metavar="USER", help="All tokens of that user.")
@takes_options()
def revoke(options: Options, numbers: tuple[str, ...], user: str | None) -> int:
    """Make tokens, and the sessions that they opened, void at once, also for a controller that runs."""
    import time

    from controller.cli.terminal import print_lines
    from controller.loop.tokenbook import TokenBook
    from controller.loop.tokenseals import Seals
    from controller.model.errors import ControllerError

    if not numbers and user is None:
        raise click.UsageError("name a token by its ID, or --user")
    with _place(options) as place:
        book = TokenBook(place.folder, None, Seals(place.root, os.environ))
        page = book.page()
        known = {one.id for one in page.tokens} if page is not None else set()
        for number in numbers:
            if number not in known:
                raise ControllerError(f"there is no token {number}", hint="`controller token list` shows them")
        with place.recorded("revoke", ", ".join(numbers) or f"all of {user}"):
            gone = book.revoke(lambda one: one.id in numbers or one.user == user, time.time()) if known else ()
    print_lines([f"token {one.id} of {one.user} is void" for one in gone] or ["nothing was valid of that"])
    return 0


@token.command()
@click.option("--revoke-all", is_flag=True, help="Make every token void at once, too.")
@takes_options()
def rotate(options: Options, revoke_all: bool) -> int:
    """Sign with a new key from now on; tokens that the old one signed are good until they expire."""
    import time

    from controller.cli.terminal import print_lines
    from controller.loop.tokenbook import take_key

    key = take_key(os.environ)
    with _place(options) as place, place.recorded("rotate", "all" if revoke_all else "key"):
        made = _open_book(place, key).rotate(time.time(), revoke_all=revoke_all)
    rest = "every other token is void" if revoke_all else "tokens signed before are good until they expire"
    print_lines([f"key {made.kid} signs from now on; {rest}"])
    return 0
