"""What a diff of two generations shows of each field, and what it hides."""

from __future__ import annotations

from typing import Any

import pytest

from controller.loop.compare import LONGEST, Change, Side, compare, is_secret, mask, show, touches
from controller.model.generation import Generation
from controller.model.names import Release

pytestmark = pytest.mark.unit


def side(definition: dict[str, Any] | None, **fields: Any) -> Side:
    return Side(Generation(1, "d", 0.0, ("web",), **fields), {} if definition is None else {"web": definition})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"image": "a:1"}, {"image": "a:2"}, [("image", "a:1", "a:2")], id="a value"),
        pytest.param({}, {"tty": True}, [("tty", None, "true")], id="a field that is new"),
        pytest.param({"user": "1"}, {}, [("user", "1", None)], id="a field that is gone"),
        pytest.param(
            {"environment": {"A": "1", "B": "2"}},
            {"environment": {"A": "1", "B": "3"}},
            [("environment.B", "2", "3")],
            id="one variable of several",
        ),
        pytest.param(
            {"environment": {"DB_PASSWORD": "hunter2"}},
            {"environment": {"DB_PASSWORD": "hunter3"}},
            [("environment.DB_PASSWORD", "***", "***")],
            id="a secret that changed",
        ),
        pytest.param(
            {"command": ["serve"]},
            {"command": ["serve", "--now"]},
            [("command", '["serve"]', '["serve", "--now"]')],
            id="a list of words is one field",
        ),
        pytest.param(
            {"ports": [{"target": 80, "published": "1"}, {"target": 81, "published": "2"}]},
            {"ports": [{"target": 81, "published": "3"}, {"target": 80, "published": "1"}]},
            [("ports[81].published", "2", "3")],
            id="records are told apart by name, whatever their order",
        ),
        pytest.param(
            {"networks": {"default": None}},
            {"networks": {"default": None, "back": None}},
            [("networks.back", None, "null")],
            id="a network that has no settings",
        ),
        pytest.param(None, {"image": "a:1"}, [("", None, "a:1")], id="a service that is new"),
        pytest.param({"image": "a:1"}, None, [("", "a:1", None)], id="a service that is gone"),
        pytest.param({"image": "a:1"}, {"image": "a:1"}, [], id="nothing"),
    ],
)
def test_fields(old: dict[str, Any] | None, new: dict[str, Any] | None, expected: list[tuple[str, ...]]) -> None:
    assert compare(side(old), side(new)) == tuple(Change("web", *change) for change in expected)


def test_an_image_behind_the_same_name_is_told() -> None:
    definition = {"image": "a:1"}
    old = side(definition, releases={"web": Release("r1@sha256:" + "a" * 64)})
    new = side(definition, releases={"web": Release("r1@sha256:" + "b" * 64)})
    assert compare(old, new) == (Change("web", "image id", "a" * 12, "b" * 12),)


def test_contents_are_only_told_to_have_changed() -> None:
    old, new = side({}, contents={"web": "digest-1"}), side({}, contents={"web": "digest-2"})
    assert compare(old, new) == (Change("web", "contents of its files", "***", "***"),)
    assert compare(old, side({})) == (Change("web", "contents of its files", "***", None),)


@pytest.mark.parametrize(
    "path",
    [
        "environment.DB_PASSWORD",
        "environment.PGPASS",
        "environment.API_KEY",
        "environment.apiKey",
        "environment.GITHUB_TOKEN",
        "environment.AWS_SECRET_ACCESS_KEY",
        "environment.MYSQL_PWD",
        "environment.SENTRY_DSN",
        "environment.ENCRYPTION_KEY_V2",
        "environment.KEY",
        "labels.traefik.http.middlewares.auth.basicauth.users",
        "build.args.NPM_TOKEN",
    ],
)
def test_what_its_name_calls_secret_is_never_shown(path: str) -> None:
    assert is_secret(path) and show(path, "hunter2") == "***"


@pytest.mark.parametrize(
    "path", ["environment.MODE", "environment.MONKEY", "image", "secrets[db_password].target", "labels.tier", "command"]
)
def test_what_is_no_secret_is_shown(path: str) -> None:
    assert show(path, "plain") == "plain"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgres://app:hunter2@db/x", "postgres://app:***@db/x"),
        ("redis://:hunter2@cache", "redis://:***@cache"),
        (["redis-server", "--requirepass", "hunter2"], '["redis-server", "--requirepass", "***"]'),
        (["app", "--token=hunter2", "--port=80"], '["app", "--token=***", "--port=80"]'),
        (["sh", "-c", "DB_PASSWORD=hunter2 serve"], '["sh", "-c", "DB_PASSWORD=*** serve"]'),
        ("redis-server --requirepass hunter2 --port 80", "redis-server --requirepass *** --port 80"),
        ("app --now --token 'two words' --port 80", "app --now --token *** --port 80"),
        ("app --token --port", "app --token ***"),
        ('{"password": "two words", "port": 80}', '{"password": ***, "port": 80}'),
        ("postgres://u:p:w@h/db", "postgres://u:***@h/db"),
        ("postgres://u:pa/hunter2@h/x", "postgres://u:***@h/x"),
        ("postgres://u:hunt@er2@h/x", "postgres://u:***@h/x"),
        ("jdbc:postgresql://db/app?user=sa&password=hunter2", "jdbc:postgresql://db/app?user=sa&password=***"),
        ("Server=db;Database=x;User Id=sa;Password=hunter2;", "Server=db;Database=x;User Id=sa;Password=***"),
        ("https://h/?a=1&token=hunter2", "https://h/?a=1&token=***"),
        ("https://h/?a=1&token=hun,ter2 serve", "https://h/?a=1&token=*** serve"),
        ("Authorization: Bearer hunter2", "Authorization: ***"),
        (["curl", "-H", "authorization: Token hunter2"], '["curl", "-H", "authorization: ***"]'),
        ("""curl -H 'Authorization: Basic hunter2' -v""", "curl -H 'Authorization: ***' -v"),
        ("X-Forwarded: bearer hunter2", "X-Forwarded: bearer ***"),
        ("mysqladmin ping -uroot -phunter2", "mysqladmin ping -uroot -p***"),
        (["CMD-SHELL", "mysqladmin ping -phunter2 -h db"], '["CMD-SHELL", "mysqladmin ping -p*** -h db"]'),
        (["mysqladmin", "ping", "-phunter2"], '["mysqladmin", "ping", "-p***"]'),
        (["redis-cli", "-a", "hunter2", "ping"], '["redis-cli", "-a", "***", "ping"]'),
        ("curl -u app:hunter2 http://localhost", "curl -u app:*** http://localhost"),
        ("ssh -p2222 -a b host", "ssh -p2222 -a b host"),
        (r'{"token": "a\"hunter2", "port": 80}', '{"token": ***, "port": 80}'),
        ("env=prod A=1,B=2", "env=prod A=1,B=2"),
        (["keep", "the key here"], '["keep", "the key here"]'),
    ],
)
def test_secrets_within_a_text_are_masked(value: Any, shown: str) -> None:
    assert show("command", value) == shown


def test_a_long_word_takes_no_time_that_grows_with_its_square() -> None:
    """A certificate in a variable; a million steps are a second, the square of this would be hours."""
    assert mask("ab" * 500_000 + " token=hunter2").endswith(" token=***")


def test_a_tag_is_no_secret_of_an_image_that_is_called_like_one() -> None:
    assert show("image", "auth-service:1.2") == "auth-service:1.2"


def test_a_long_value_is_cut() -> None:
    shown = show("labels.note", "x" * 500)
    assert shown is not None and len(shown) == LONGEST and shown.endswith("…")


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ({"releases": {"web": "r1@a"}}, {"releases": {"web": "r1@a"}}, False),
        ({"releases": {"web": "r1@a"}}, {"releases": {"web": "r1@b"}}, True),
        ({"releases": {"web": "r1@a"}}, {"revisions": {"web": "r1"}}, False),
        ({"releases": {"web": "r1@a"}}, {"revisions": {"web": "r2"}}, True),
    ],
)
def test_a_service_is_touched_by_what_it_was_made_from(old: Any, new: Any, touched: bool) -> None:
    first, second = (Generation(1, "d", 0.0, ("web",), **fields) for fields in (old, new))
    assert touches(first, second, ("web",)) is touched
    assert touches(Generation(1, "d", 0.0), second, ("web",)), "it was not there before"
