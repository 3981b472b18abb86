"""What is a secret by its name and value, and what only looks like one."""

from __future__ import annotations

import pytest

from controller.security.addresses import address_login, without_secrets
from controller.security.arguments import calls, given, is_credential
from controller.security.blanks import BLANK, filled
from controller.security.credentials import holds, is_credential_name, told_name
from controller.security.defaults import is_default
from controller.security.tokens import credential_in

pytestmark = pytest.mark.unit

NAMES = """
DB_PASSWORD POSTGRES_PASSWORD MYSQL_ROOT_PASSWORD PGPASSWORD SMTP_PASS DB_PWD ADMIN_PASSWD API_KEY APIKEY OPENAI_API_KEY
SECRET_KEY SECRET_KEY_BASE JWT_SECRET AWS_SECRET_ACCESS_KEY ENCRYPTION_KEY PRIVATE_KEY GITHUB_TOKEN AUTH_TOKEN
SENTRY_DSN PASSWORD_SALT KEY_PASSPHRASE CLIENT_SECRET apiKey dbPassword db.password client-secret
NO_REPLY_SMTP_PASSWORD PUBLIC_API_SECRET_KEY DB_PASS_2 DB_PASSWORD2 JWTSecret Password__Default ADMIN_PW HMAC_KEY
REDISCLI_AUTH VAULT_SECRET_ID SESSION_KEY STORAGE_ACCOUNT_KEY RABBITMQ_ERLANG_COOKIE javax.net.ssl.keyStorePassword
API_KEYS GF_SECURITY_ADMIN_PASSWORD MINIO_ROOT_PASSWORD N8N_ENCRYPTION_KEY
"""
OTHERS = """
POSTGRES_PASSWORD_FILE SECRET_PATH TOKEN_TTL TOKEN_EXPIRY PASSWORD_MIN_LENGTH ALLOW_EMPTY_PASSWORD RANDOM_PASSWORD
TOKEN_URL KEYBOARD MONKEY PASSENGER BYPASS COMPASS TOKENIZER SALTED_HASH_ROUNDS PUBLIC_KEY SSH_KEY_PATH ENABLE_TOKEN
TOKEN_ISSUER SECRET_NAME PWD_RESET DSN_HOST PASSWORD_POLICY KEY LOG_LEVEL AUTH TOKENS_USED DB_HOST PASSIVE_MODE
PASS_THROUGH SALT_MASTER PASSWORD_BLACKLIST NEXT_PUBLIC_API_KEY NO_PASSWORD MYSQL_RANDOM_ROOT_PASSWORD
API_KEY_HEADER USE_SECRET SECRETS_MANAGER SESSION_TIMEOUT
SECRET_PROVIDER SECRET_BACKEND TOKEN_LOCATION API_TOKEN_SCOPE API_KEY_CACHE TOKEN_CACHE_BACKEND PASSWORD_STRENGTH
PASSWORD_COMPLEXITY PASSWORD_HASHER ACCESS_TOKEN_COOKIE VAULT_SECRET_MOUNT API_KEY_STATUS TOKEN_COOKIE_DOMAIN
PASSWORD_HINT PRIMARY_KEY SORT_KEY MAX_TOKENS AWS_ACCESS_KEY_ID require-password no-password password-stdin
changepassword_URL
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
        ("PROXY_PASS", "http://backend:8080", False),
        ("SENTRY_DSN", "https://kW7zq2LmX9@sentry.example.com/4", True),
        ("API_KEY", "env:API_KEY", False),
        ("DB_PASSWORD", "vault:secret/db#password", False),
        ("PASSWORD", "prompt", False),
    ],
)
def test_values(name: str, value: str, expected: bool) -> None:
    assert is_credential_name(name, value) is expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("x", True), ("${A}", False), ("$A", False), ("${A:?set it}", False), ("${A:-}", False), ("${A:-x}", True),
        ("${A}${B}", False), ("a-${B}", False), ("abcd-${B}", True), ("", False), (" ", False),
        ("${A-x}", True), ("Bearer ${A}", False), ("${A}:${B}", False), ("${A}-${B}", False), ("x${A:-}kW7zq2", True),
        ("$$A", False), ("$${A}", False), ("$$kW7zq2", True), ("a$$b", True), ("$${A:-x}", True),
    ],
)  # fmt: skip
def test_what_holds_something_itself(written: str, expected: bool) -> None:
    assert holds(filled(written)) is expected


FILLED = {
    "x": "x", "${A:-x}": "x", "${A-x}": "x", "${A:-}": "_", "a${B:-c}": "ac", "${A:-${B:-c}}": "c", "${A:-${B}}": "_",
    "${A:?set ${B}}": "_", "${A:+x}": "x", "$A-$B": "_-_", "$$A": "_", "$$kW7": "$kW7", "$$": "$", "${A": "${A",
    '${A:-{"b": 1}}': '{"b": 1}', "}{": "}{", "$$(cat ${A:-/x})": "_", "a$(b (c) d)e": "a_e", "$1": "$1", "`b`": "`b`",
}  # fmt: skip


@pytest.mark.parametrize("written", FILLED)
def test_what_stands_there(written: str) -> None:
    assert filled(written).replace(BLANK, "_") == FILLED[written]


def test_what_stands_in_a_command() -> None:
    told = filled('a $1 $b "$(cat f)" `date` $$kW7 ${C:-d}', in_shell=True)
    assert told.replace(BLANK, "_") == 'a _ _ "_" _ _ d'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgres://a:b@c/d", "b"),
        ("redis://:b@c", "b"),
        ("amqp://a:${B}@c", None),
        ("amqp://a:${B:-b}@c", "b"),
        ("https://a@c/d", None),
        ("https://c:80/d@e", None),
        ("Server=c;User=a;Password=b;", "b"),
        ("host=c password=b", "b"),
        ("host=c password=$B", None),
        ("https://a:<password>@c", None),
        ("postgres://a:{{ b }}@c", None),
        ("reset_password=yes", None),
        ("postgres://${U:-app}:${P}@db/x", None),
        ("postgres://app:${P:-${Q}}@db/x", None),
        ("postgres://app:${P:-${Q:-kW7zq2LmX9}}@db/x", "kW7zq2LmX9"),
        ("postgres://app:kW7zq2/LmX9@db/x", "kW7zq2/LmX9"),
        ("https://c:${PORT}/d@e", None),
        ("postgres://USER:PASSWORD@HOST/DB", None),
        ("https://c/hook?token=kW7zq2LmX9", "kW7zq2LmX9"),
        ("https://c/?a=b&api_key=kW7zq2LmX9", "kW7zq2LmX9"),
        ("https://c/?tokens=5&token_type=bearer", None),
        ("AccountName=a;AccountKey=kW7zq2LmX9==", "kW7zq2LmX9=="),
        ("Endpoint=sb://x/;SharedAccessKeyName=r;SharedAccessKey=kW7zq2LmX9", "kW7zq2LmX9"),
        ("mysql:host=c;user=a;pass=kW7zq2LmX9", "kW7zq2LmX9"),
        ("a:kW7zq2LmX9@tcp(c:3306)/x", "kW7zq2LmX9"),
        ("a:$P@tcp(c:3306)/x", None),
        ("a:kW7@zq2@tcp(c:3306)/x", "kW7@zq2"),
        ("jdbc:oracle:thin:scott/kW7@zq2@//c:1521/x", "kW7@zq2"),
        ("jdbc:oracle:thin:scott/kW7zq2LmX9@//c:1521/x", "kW7zq2LmX9"),
        ("Server = c; Password = kW7zq2LmX9; User = a", "kW7zq2LmX9"),
        ("echo TOKEN = missing", None),
        ("image:tag@sha256:abc", None),
        ("docker-image://c:5000/a@sha256:abc", None),
    ],
)
def test_addresses(value: str, expected: str | None) -> None:
    found = address_login(filled(value))
    assert (found and found.password) == expected


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
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "a private key"),
        ("sk-ant-api03-" + "a1B2" * 20, "an Anthropic key"),
        ("sk-proj-" + "a1B2" * 8, "an OpenAI key"),
        ("sk-" + "a1B2" * 12, "an OpenAI key"),
        ("hf_" + "a1B2" * 9, "a Hugging Face token"),
        ("dop_v1_" + "a1b2c3d4" * 8, "a DigitalOcean token"),
        ("123456789:AA" + "a1B2c3D4e5F" * 3, "a Telegram token"),
        ("AGE-SECRET-KEY-1" + "QPZRF7ZCJ8" * 5, "a private key"),
        ("sk-production-cluster-eu-central-1-node-a", None),
        ("/srv/sk-learn-models-with-a-very-long-name/x", None),
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


WEAK = """
postgres Admin password ChangeMe! please_change_me replace-me Passw0rd! 111111 admin1 p@ssw0rd your-password root123
"""


@pytest.mark.parametrize("value", [*WEAK.split(), " changeme "])
def test_defaults(value: str) -> None:
    assert is_default(value)


@pytest.mark.parametrize("value", ["kW7zq2LmX9", "correct-horse", "91827364", "", "adminton"])
def test_no_defaults(value: str) -> None:
    assert not is_default(value)


HOSTILE = (
    "${A:-" * 20000,
    "a://a:" * 20000,
    "=" * 65536,
    "a=" * 32768,
    '\\"' * 32768,
    "'" * 65535,
    "$$(" * 20000,
    "?a" * 30000,
    "docker login " * 5000,
)


@pytest.mark.parametrize("text", HOSTILE, ids=[one[:5] for one in HOSTILE])
def test_no_text_keeps_us_busy(text: str) -> None:
    """One pass and bounded forms: there is nothing in it, and that is said."""
    shown = filled(text, in_shell=True)
    assert credential_in(text) is None and address_login(filled(text)) is None and address_login(shown) is None
    assert without_secrets(text) == text
    assert not [one for call in calls(shown) for one in given(call) if is_credential(one)]


def test_what_is_told_of_them() -> None:
    told = without_secrets("DOCKER_HOST is tcp://me:se/cret@a:2375?token=kW7zq2LmX9, and AKIAIOSFODNN7EXAMPLE")
    assert told == "DOCKER_HOST is tcp://…@a:2375?token=… and …"


TOLD = {
    "it is https://me:kW7@zq2@c/x": "it is https://…@c/x",
    "http://me:p@c:80,http://you:q@zq2@d": "http://…@c:80,http://…@d",
    "'https://kW7zq2LmX9@c/x@y'": "'https://…@c/x@y'",
    "a:kW7@zq2@tcp(c:3306)/x holds": "a:…@tcp(c:3306)/x holds",
    "'a:kW7zq2LmX9@unix(/x)'": "'a:…@unix(/x)'",
    "jdbc:oracle:thin:scott/kW7@zq2@//c:1521/x": "jdbc:oracle:thin:scott/…@//c:1521/x",
    "Server = c; Password = kW7zq2LmX9; User = a": "Server = c; Password = …; User = a",
    "docker-image://c/a:b, a:b@c and me@c": "docker-image://c/a:b, a:b@c and me@c",
}


@pytest.mark.parametrize("said", TOLD)
def test_no_password_is_told_whatever_signs_it_has(said: str) -> None:
    assert without_secrets(said) == TOLD[said]


@pytest.mark.parametrize("name", ["DB_PASSWORD", "spring.datasource.password", "_x-token"])
def test_plain_names_are_told(name: str) -> None:
    assert told_name(name) == name


@pytest.mark.parametrize("name", ["me:kW7zq2@tcp(c)/x?token", "CORS:kW7zq2 password", "me/kW7zq2", "", "1", "A\n"])
def test_what_may_hold_more_than_a_name_is_not_told(name: str) -> None:
    assert told_name(name) == "an item"
