"""The file of tokens and the keys that sign them, as far as others than its book have to know of it."""

from __future__ import annotations

import json

FILE = "access.json"
_SEALED = "v1:"


def is_sealed(secret: str) -> bool:
    """Whether that is encrypted; what is not is base64, which has no colon."""
    return secret.startswith(_SEALED)


def seals_in(text: str) -> tuple[str, ...]:
    """The encrypted keys of such a file; none where it is damaged, or keeps them in clear."""
    try:
        secrets = [one["secret"] for one in json.loads(text)["keys"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()
    return tuple(one for one in secrets if isinstance(one, str) and is_sealed(one))
