"""What is a secret by its name and value, and what only looks like one."""

from __future__ import annotations

import pytest

from controller.security.addresses import url_secret, without_secrets
from controller.security.blanks import BLANK, filled
from controller.security.credentials import is_credential_name, is_literal
from controller.security.defaults import is_default
from controller.security.tokens import credential_in

pytestmark = pytest.mark.unit

NAMES = """
DB_PASSWORD POSTGRES_PASSWORD MYSQL_ROOT_PASSWORD PGPASSWORD SMTP_PASS DB_PWD ADMIN_PASSWD API_KEY APIKEY OPENAI_API_KEY
SECRET_KEY SECRET_KEY_BASE JWT_SECRET AWS_SECRET_ACCESS_KEY ENCRYPTION_KEY PRIVATE_KEY GITHUB_TOKEN AUTH_TOKEN
SENTRY_DSN PASSWORD_SALT KEY_PASSPHRASE CLIENT_SECRET apiKey dbPassword db.password client-secret
NO_REPLY_SMTP_PASSWORD PUBLIC_API_SECRET_KEY DB_PASS_2
GF_SECURITY_ADMIN_PASSWORD MINIO_ROOT_PASSWORD N8N_ENCRYPTION_KEY
"""
OTHERS = """
POSTGRES_PASSWORD_FILE SECRET_PATH TOKEN_TTL TOKEN_EXPIRY PASSWORD_MIN_LENGTH ALLOW_EMPTY_PASSWORD RANDOM_PASSWORD
TOKEN_URL KEYBOARD MONKEY PASSENGER BYPASS COMPASS TOKENIZER SALTED_HASH_ROUNDS PUBLIC_KEY SSH_KEY_PATH ENABLE_TOKEN
TOKEN_ISSUER SECRET_NAME PWD_RESET DSN_HOST PASSWORD_POLICY KEY LOG_LEVEL AUTH TOKENS_USED DB_HOST PASSIVE_MODE
PASS_THROUGH SALT_MASTER PASSWORD_BLACKLIST NEXT_PUBLIC_API_KEY NO_PASSWORD MYSQL_RANDOM_ROOT_PASSWORD
API_KEY_HEADER USE_SECRET SECRETS_MANAGER SESSION_TIMEOUT
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_names(name: str) -> None:
    assert is_credential_name(name, "kW7zq2LmX9")


@pytest.mark.parametrize("name", OTHERS.split())
def test_names_of_others(name: str) -> None:
    assert not is_credential_name(name, "kW7zq2LmX9")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DB_PASSWORD", "true", False),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD", "/run/secrets/db", False),
        ("DB_PASSWORD", "12345678", True),
        ("AWS_SECRET_ACCESS_KEY", "/wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", True),
        ("API_KEY", "/keys/api.key", False),
        ("REFRESH_TOKEN", "3600", False),
        ("ACCESS_TOKEN", "15m", False),
        ("TOKEN", "disabled", False),
    ],
)
def test_values(name: str, value: str, expected: bool) -> None:
    assert is_credential_name(name, value) is expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("x", True), ("${A}", False), ("$A", False), ("${A:?set it}", False), ("${A:-}", False), ("${A:-x}", True),
        ("${A}${B}", False), ("a-${B}", True), ("", False), (None, False), (" ", False), ("${A-x}", True),
        ("$$A", False), ("$${A}", False), ("$$kW7zq2", True), ("a$$b", True), ("$${A:-x}", True),
    ],
)  # fmt: skip
def test_literals(written: str | None, expected: bool) -> None:
    assert is_literal(written) is expected


def test_defaults_of_variables() -> None:
    assert [literal_default(one) for one in ("x", "${A:-x}", "${A-x}", "${A:-}", "a${B:-c}")] == [
        "x", "x", "x", "", "a${B:-c}"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgres://a:b@c/d", "b"),
        ("redis://:b@c", "b"),
        ("amqp://a:${B}@c", None),
        ("amqp://a:${B:-b}@c", "${B:-b}"),
        ("https://a@c/d", None),
        ("https://c:80/d@e", None),
        ("Server=c;User=a;Password=b;", "b"),
        ("host=c password=b", "b"),
        ("host=c password=$B", None),
        ("https://a:<password>@c", None),
        ("postgres://a:{{ b }}@c", None),
        ("reset_password=yes", None),
    ],
)
def test_addresses(value: str, expected: str | None) -> None:
    assert url_secret(value) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("AKIAIOSFODNN7EXAMPLE", "an AWS access key"),
        ("ghp_" + "a1B2" * 9, "a GitHub token"),
        ("github_pat_" + "a1B2" * 6, "a GitHub token"),
        ("glpat-" + "a1B2" * 5, "a GitLab token"),
        ("xoxb-" + "1234567890", "a Slack token"),
        ("sk_live_" + "a1B2" * 6, "a Stripe key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("-----BEGIN PRIVATE KEY-----\nMII", "a private key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghij", "a JSON Web Token"),
        ("-----BEGIN PUBLIC KEY-----", None),
        ("-----BEGIN CERTIFICATE-----", None),
        ("pk_live_" + "a1B2" * 6, None),
        ("sha256:" + "4f" * 32, None),
        ("AKIA", None),
        ("task-force-with-a-name-that-is-long-enough-to-look-like-one", None),
    ],
)
def test_tokens(value: str, kind: str | None) -> None:
    assert credential_in(f"say {value} so") == kind


def test_defaults() -> None:
    assert all(map(is_default, ("postgres", "Admin", " changeme ", "password"))) and not is_default("kW7zq2LmX9")


def test_what_is_told_of_them() -> None:
    told = without_secrets("DOCKER_HOST is tcp://me:secret@a:2375, and AKIAIOSFODNN7EXAMPLE")
    assert told == "DOCKER_HOST is tcp://…@a:2375, and …"
