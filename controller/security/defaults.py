"""Passwords that everybody tries first. Pure."""

from __future__ import annotations

import re

_KNOWN = frozenset(
    {
        "password", "passw0rd", "passwd", "admin", "administrator", "root", "changeme", "changethis",
        "changeit", "changemenow", "replaceme", "example", "secret", "test", "testing", "guest", "default",
        "postgres", "postgresql", "mysql", "mariadb", "mongo", "mongodb", "redis", "rabbitmq", "minio",
        "minioadmin", "grafana", "elastic", "user", "pass", "123456", "1234567", "12345678", "123456789",
        "1234567890", "1234", "12345", "qwerty", "letmein", "welcome", "toor", "sa", "demo", "dev", "foobar",
        "foo", "bar", "hunter2", "abc123", "mypassword", "mysecretpw", "mysecretpassword", "supersecret",
        "supersecretpassword", "secretpassword", "yourpassword", "yourpasswordhere", "yoursecret",
        "yoursecretkey", "passord", "password123", "todo", "placeholder",
    }
)  # fmt: skip
"""From images' documentation, and the common lists; in small letters and digits alone."""
_SAME = re.compile(r"(.)\1{3,}")
_BEFORE = re.compile(r"please|your(?=pass)")
_COUNTED = re.compile(r"\d{1,4}$")


def is_default(value: str) -> bool:
    """One that everybody tries first, or one of them with a number or a sign behind it."""
    plain = re.sub(r"[^a-z0-9]", "", value.strip().lower().replace("@", "a"))
    plain = _BEFORE.sub("", plain, count=1)
    return plain in _KNOWN or _COUNTED.sub("", plain) in _KNOWN or _SAME.fullmatch(value.strip()) is not None
