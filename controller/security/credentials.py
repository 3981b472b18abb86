"""What a secret looks like: by its name, by its form, by where it stands. Pure; a value is never part of an answer.

Forms of tokens as detect-secrets and gitleaks know them; names as compose-lint's CL-0020 does, without what only looks
like one (files, switches, sizes, times).
"""

from __future__ import annotations

import re

_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSPHRASE|TOKEN|SECRET|SECRETS|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|ENCRYPTION_?KEY|SIGNING_?KEY|AUTH_?KEY"
    r"|MASTER_?KEY|CREDENTIAL|CREDENTIALS|PASSWD|DSN|APIKEY|JWT_?KEY|SECRET_?KEY|SECRET_?KEY_?BASE|APP_?KEY"
    r"|CLIENT_?SECRET|WEBHOOK_?SECRET)($|_)"
    r"|(^|_)(PASS|PWD|SALT)(_?\d+)?$"
)
_PART = re.compile(r"PASSWORD|PASSWD|SECRETKEY|APIKEY|ACCESSKEY|PRIVATEKEY")
_NONE = re.compile(
    r"(_FILE|_PATH|_DIR|_URL|_URI|_ENDPOINT|_HOST|_TTL|_EXPIRY|_EXPIRE|_EXPIRES|_EXPIRATION|_EXPIRES_IN|_LIFETIME|_LENGTH"
    r"|_MIN|_MAX|_SIZE|_COUNT|_LIMIT|_TIMEOUT|_AGE|_DAYS|_HOURS|_ROUNDS|_ALGORITHM|_ALGO|_TYPE|_NAME|_HEADER|_FIELD|_PARAM"
    r"|_POLICY|_ENABLED|_REQUIRED|_ISSUER|_AUDIENCE|_ENCRYPTION|_HASH_METHOD|_AUTHENTICATION|_ID|_SOURCE|_VERSION|_USER"
    r"|_USERNAME|_MODE|_ENV|_PREFIX|_COMMAND|_CMD|_VERIFY|_CHECK|_RESET|_INTERVAL|_STORE|_MANAGER|_ARN|_REF|_BLACKLIST"
    r"|_DENYLIST|_LIST)$"
    r"|(^|_)(ALLOW_EMPTY|RANDOM|ONETIME|DISABLE|ENABLE|USE|REQUIRE|SHOW|SKIP|NO(?=_(PASS|SECRET|TOKEN)))_([A-Z0-9]+_)?"
    r"(PASS|PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|KEY|CREDENTIALS?)(_|$)"
    r"|(^|_)PUBLIC_(?!.*(SECRET|PASSW|PRIVATE))"
)
_SWITCH = re.compile(r"(true|false|yes|no|on|off|none|null|enabled?|disabled?|optional|required|0|1)?$", re.IGNORECASE)
_QUANTITY = re.compile(
    r"\d+(\.\d+)?\s*(ms|s|m|h|d|w|y|sec|min|hours?|days?|seconds?|minutes?|k|kb|mb|gb|bytes?)?$", re.IGNORECASE
)
_PLACE = re.compile(
    r"(/run/|/secrets/|/etc/|/var/|/home/|/opt/|/usr/|/srv/|/app/|/data/|/mnt/|/Users/|\./)"
    r"|(?!(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9/+=]{20,}$)/[\w.-]+/[\w./-]+$"
)
"""Of a file; what is long and random is none, though it may have slashes in it."""
_VARIABLE = re.compile(
    r"\${1,2}\{[A-Za-z_][A-Za-z0-9_]*(:?\?[^}]*|:?-)?\}|(?<!\$)\$[A-Za-z_][A-Za-z0-9_]*|\$\$[A-Z_][A-Z0-9_]*(?![a-z])"
)
"""Compose's, and those that Compose leaves to a shell in the container (`$$NAME`)."""

# Every repetition that may fail at its end is bounded: files may be made to keep us busy.
_IN_URL = re.compile(r"(?<![a-zA-Z0-9+.-])[a-zA-Z][a-zA-Z0-9+.-]{0,31}://[^\s/:@]*:([^\s/@]+)@")
_USER = re.compile(r"(?<=//)[^/\s@]+(?=@)")
_IN_DSN = re.compile(r"(?:^|[\s;?&])(?:password|pwd|passwd)\s*=\s*([^\s;&'\"]+)", re.IGNORECASE)

LONGEST = 65536
"""Characters of a text in which a token is looked for."""
_TOKENS = (
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})\b")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Slack webhook", re.compile(r"https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+")),
    ("a Stripe key", re.compile(r"\b[sr]k_live_[A-Za-z0-9]{16,}")),
    ("a Google key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("an OpenAI key", re.compile(r"\bsk-(?:proj-)?[A-Za-z0-9_-]{32,}")),
    ("an Anthropic key", re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("a PyPI token", re.compile(r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}")),
    ("a Docker Hub token", re.compile(r"\bdckr_pat_[A-Za-z0-9_-]{20,}")),
    ("a SendGrid key", re.compile(r"\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}")),
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    ("a JSON Web Token", re.compile(r"\beyJ[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,}")),
    ("a Vault token", re.compile(r"\bhvs\.[A-Za-z0-9_-]{24,}")),
)  # fmt: skip

DEFAULTS = frozenset(
    {
        "password", "passw0rd", "passwd", "admin", "administrator", "root", "changeme", "change-me", "change_me",
        "changethis", "changeit", "example", "secret", "test", "testing", "guest", "default", "postgres", "mysql",
        "mariadb", "mongo", "mongodb", "redis", "rabbitmq", "minio", "minioadmin", "grafana", "elastic", "user", "pass",
        "123456", "12345678", "123456789", "1234", "12345", "qwerty", "letmein", "welcome", "toor", "sa", "demo", "dev",
        "foobar", "foo", "bar", "hunter2", "password1", "password123", "admin123", "root123", "postgres123",
        "mypassword", "my-secret-pw", "mysecretpassword", "supersecret", "supersecretpassword", "secretpassword",
        "yourpassword", "your-password", "your_password", "p@ssw0rd", "p@ssword",
    }
)  # fmt: skip
"""Passwords that everybody tries first: from images' documentation, and the common lists."""


def is_credential_name(name: str, value: str = "x") -> bool:
    """Whether a variable of this name holds a credential, having this value."""
    upper = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper().replace("-", "_").replace(".", "_")
    if _NONE.search(upper) or not (_NAME.search(upper) or _PART.search(upper)):
        return False
    return not (_SWITCH.match(value) or _is_quantity(upper, value) or _PLACE.match(value))


def _is_quantity(name: str, value: str) -> bool:
    """A number is none where the name speaks of something else than the secret itself."""
    return bool(_QUANTITY.match(value)) and not re.search(
        r"(PASSWORD|PASSWD|PASS|PWD|SECRET|KEY|SALT|PASSPHRASE)$", name
    )


def is_literal(written: str | None) -> bool:
    """Whether text in a file holds something itself, and does not only name variables."""
    return bool(written) and bool(_VARIABLE.sub("", written or "").strip())


def literal_default(written: str) -> str:
    """What stands there where nobody sets the variable: `${NAME:-this}`, or the text itself."""
    found = re.fullmatch(r"\$\{[A-Za-z_][A-Za-z0-9_]*:?-(.*)\}", written.strip(), re.DOTALL)
    return found[1] if found else written


def url_secret(value: str) -> str | None:
    """The password in a URL, or in a connection string; variables do not count."""
    for found in (*_IN_URL.finditer(value), *_IN_DSN.finditer(value)):
        if is_literal(found[1]) and not found[1].startswith(("<", "{{", "%(")):
            return found[1]
    return None


def credential_in(value: str) -> str | None:
    """What known kind of token is in a text: `a GitHub token`; None: none."""
    return next((kind for kind, form in _TOKENS if form.search(value, 0, LONGEST)), None)


def without_secrets(told: str) -> str:
    """A text about what stands there, without the password of an address and without tokens."""
    for form in (_USER, *(form for _, form in _TOKENS)):
        told = form.sub("…", told)
    return told


def is_default(value: str) -> bool:
    """One that everybody tries first."""
    return value.strip().lower() in DEFAULTS
