"""What a credential is: by the name that it has, and by what stands there. Pure; a value is never part of an answer.

Names as compose-lint's CL-0020 takes them, without what only looks like one (files, switches, sizes, times).
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from controller.security.blanks import BLANK

_ARE = frozenset(
    {
        "PASSWORD", "PASSPHRASE", "TOKEN", "SECRET", "SECRETS", "CREDENTIAL", "CREDENTIALS", "PASSWD", "DSN",
        "CLIENTSECRET", "WEBHOOKSECRET",
    }
)  # fmt: skip
"""Words that are credentials wherever they stand in a name."""
_KEYS = frozenset(
    {
        "API", "PRIVATE", "ACCESS", "ENCRYPTION", "ENC", "SIGNING", "AUTH", "MASTER", "JWT", "SECRET", "APP",
        "SESSION", "HMAC", "ACCOUNT",
    }
)  # fmt: skip
"""Keys of these are, in one word or two."""
_AT_END = frozenset({"PASS", "PWD", "PW", "SALT"})
_WITHIN = ("PASSWORD", "PASSWD", "SECRETKEY", "APIKEY", "ACCESSKEY", "PRIVATEKEY")
"""Also in the middle of a word."""
_WHOLE = ("REDISCLI_AUTH", "VAULT_SECRET_ID", "ERLANG_COOKIE", "REQUIREPASS", "MASTERAUTH")
"""Names that end so, whatever else is said of their words."""
_ABOUT = frozenset(
    {
        "FILE", "PATH", "DIR", "FOLDER", "URL", "URI", "ENDPOINT", "HOST", "DOMAIN", "TTL", "EXPIRY", "EXPIRE",
        "EXPIRES", "EXPIRATION", "LIFETIME", "LENGTH", "MIN", "MAX", "SIZE", "COUNT", "LIMIT", "TIMEOUT", "AGE",
        "SECONDS", "MINUTES", "HOURS", "DAYS", "ROUNDS", "ALGORITHM", "ALGO", "TYPE", "KIND", "FORMAT", "NAME",
        "HEADER", "FIELD", "PARAM", "POLICY", "ENABLED", "REQUIRED", "ISSUER", "AUDIENCE", "ENCRYPTION",
        "AUTHENTICATION", "ID", "SOURCE", "VERSION", "USER", "USERNAME", "MODE", "ENV", "PREFIX", "COMMAND",
        "CMD", "VERIFY", "CHECK", "RESET", "INTERVAL", "STORE", "MANAGER", "ARN", "REF", "BLACKLIST",
        "DENYLIST", "LIST", "PROVIDER", "BACKEND", "LOCATION", "PLACEHOLDER", "HINT", "LABEL",
        "SCOPE", "SCOPES", "CACHE", "COOKIE", "STRENGTH",
        "COMPLEXITY", "HASHER", "MOUNT", "STATUS", "STDIN", "FD",
    }
)  # fmt: skip
"""At the end of a name they say that it is only about one."""
_ABOUT_TWO = (("EXPIRES", "IN"), ("HASH", "METHOD"))
_VERBS = frozenset({"ALLOW", "RANDOM", "ONETIME", "DISABLE", "ENABLE", "USE", "REQUIRE", "SHOW", "SKIP", "CHANGE"})
"""What is done, or not, with one: it is named by one of the two words that follow."""
_OBJECTS = frozenset({"PASS", "PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "KEY", "CREDENTIAL", "CREDENTIALS"})

_SWITCH = re.compile(
    r"(true|false|yes|no|on|off|none|null|enabled?|disabled?|optional|required|prompt|ask|stdin|0|1)?$", re.IGNORECASE
)
_QUANTITY = re.compile(
    r"\d+(\.\d+)?\s*(ms|s|m|h|d|w|y|sec|min|hours?|days?|seconds?|minutes?|k|kb|mb|gb|bytes?)?$", re.IGNORECASE
)
_COUNTED = ("PASSWORD", "PASSWD", "PASS", "PWD", "PW", "SECRET", "KEY", "SALT", "PASSPHRASE")
"""Names that end so have numbers for values, too."""
_PLACE = re.compile(
    r"(/run/|/secrets/|/etc/|/var/|/home/|/opt/|/usr/|/srv/|/app/|/data/|/mnt/|/Users/|\./)"
    r"|(?!(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9/+=]{20,}$)/[\w.-]+/[\w./-]+$"
)
"""Of a file; what is long and random is none, though it may have slashes in it."""
_ELSEWHERE = re.compile(
    r"(env|file|vault|arn|ssm|op|sops|keyring|keychain|doppler|awssm|gcpsm|secretsmanager)[:+]|[a-z][a-z0-9+.-]*://[^@]*$",
    re.IGNORECASE,
)
"""A reference to where it is kept, or an address that nobody logs in with."""
_SAID = re.compile(r"\b(bearer|basic|digest|token|api-?key|key)\b", re.IGNORECASE)
_SIGNS = re.compile(r"[^\W_]")
_PLAIN = re.compile(r"[A-Za-z_][\w.-]*")
_FEWEST = 4
"""Letters and digits beside variables that are a part of a credential, and no words around one."""


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """Of `db.apiKey2` DB, API and KEY."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name[:256])
    words = [word for word in re.findall(r"[A-Z0-9]+", split.upper())]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    return (*words[:-1], words[-1].rstrip("0123456789") or words[-1]) if words else ()


def is_credential_name(name: str, value: str = "x") -> bool:
    """Whether a variable of this name holds a credential, having this value."""
    words = name_words(name)
    if not _names_one(words):
        return False
    counted = words[-1].endswith(_COUNTED)
    return not (
        _SWITCH.match(value)
        or (_QUANTITY.match(value) and not counted)
        or _PLACE.match(value)
        or _ELSEWHERE.match(value)
    )


@lru_cache(maxsize=4096)
def _names_one(words: tuple[str, ...]) -> bool:
    if "_".join(words).endswith(_WHOLE):
        return True
    if not words or words[-1] in _ABOUT or words[-2:] in _ABOUT_TWO or _is_done(words) or _is_public(words):
        return False
    keys = any(one in _KEYS and key in ("KEY", "KEYS") for one, key in pairwise(words))
    return keys or words[-1] in _AT_END or any(map(_is_one, words))


def _is_one(word: str) -> bool:
    is_key = word.endswith(("KEY", "KEYS")) and word.rstrip("S").removesuffix("KEY") in _KEYS
    return word in _ARE or is_key or any(part in word for part in _WITHIN)


def _is_done(words: tuple[str, ...]) -> bool:
    """`ALLOW_EMPTY_PASSWORD`, `NO_PASSWORD`."""
    for at, word in enumerate(words):
        if word in _VERBS and _OBJECTS & {*words[at + 1 : at + 3]}:
            return True
        if word == "NO" and any(one.startswith(("PASS", "SECRET", "TOKEN")) for one in words[at + 1 : at + 2]):
            return True
    return False


def _is_public(words: tuple[str, ...]) -> bool:
    if "PUBLIC" not in words:
        return False
    rest = words[words.index("PUBLIC") :]
    return not any(part in word for word in rest for part in ("SECRET", "PASSW", "PRIVATE"))


def told_name(name: str) -> str:
    """What a message calls it: where it is no plain name, a credential may stand in it."""
    return name if _PLAIN.fullmatch(name) else "an item"


def holds(shown: str) -> bool:
    """Whether a text in which variables are blank has something itself: more than `Bearer` and what separates them."""
    if BLANK not in shown:
        return bool(shown.strip())
    return sum(1 for _ in _SIGNS.finditer(_SAID.sub("", shown))) >= _FEWEST
