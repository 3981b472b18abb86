"""What the server does: take documents in, answer questions, say whether it is ready."""

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragserver.metrics import Metrics
from ragserver.stores import Qdrant, Redis, Unavailable, call_http
from ragserver.text import embed, split_passages

_CACHE_SECONDS = 300
_MAX_LIMIT = 50
_EPOCH = "rag:epoch"  # counts ingests: a cached answer is good for one epoch only


class Invalid(Exception):
    """The request cannot be served as it is; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Backends:
    qdrant: Qdrant
    redis: Redis
    prometheus_url: str


class Retrieval:
    def __init__(self, backends: Backends, metrics: Metrics) -> None:
        self._backends = backends
        self._metrics = metrics
        for name in ("rag_cache_hits_total", "rag_cache_misses_total", "rag_documents_total"):
            metrics.count(name, 0)  # there from the start: what appears with its first 1 has no increase

    def ingest(self, body: Mapping[str, Any]) -> dict[str, int]:
        """Stores the documents; one that has an id replaces what was stored under it."""
        documents = body.get("documents", [body])
        if not isinstance(documents, list):
            raise Invalid("`documents` is not a list")
        passages = sum(self._ingest_one(one) for one in documents)
        self._backends.redis.increment(_EPOCH)
        self._metrics.count("rag_documents_total", len(documents))
        return {"documents": len(documents), "passages": passages}

    def search(self, query: Any, limit: Any) -> dict[str, Any]:
        """The passages nearest to the query, best first, from the cache when nothing was stored since."""
        if not isinstance(query, str) or not query.strip():
            raise Invalid("the query is empty")
        if not isinstance(limit, int) or not 1 <= limit <= _MAX_LIMIT:
            raise Invalid(f"limit is not a number from 1 to {_MAX_LIMIT}")
        redis = self._backends.redis
        key = cache_key(redis.get(_EPOCH) or b"0", query, limit)
        if cached := redis.get(key):
            self._metrics.count("rag_cache_hits_total")
            return {"query": query, "cached": True, "results": json.loads(cached)}
        self._metrics.count("rag_cache_misses_total")
        results = self._backends.qdrant.search(embed(query), limit)
        redis.put(key, json.dumps(results).encode(), _CACHE_SECONDS)
        return {"query": query, "cached": False, "results": results}

    def check_dependencies(self) -> dict[str, str]:
        """`ok` or the trouble, by dependency. Prometheus only watches us: we are ready without it."""
        checks = {
            "qdrant": self._backends.qdrant.check,
            "redis": self._backends.redis.check,
            "prometheus": self._watched,
        }
        found = {}
        for name, check in checks.items():
            try:
                check()
                found[name] = "ok"
            except Unavailable as trouble:
                found[name] = str(trouble)
        return found

    def _watched(self) -> None:
        status, _ = call_http(self._backends.prometheus_url, "GET", "/-/ready")
        if status != 200:
            raise Unavailable(f"{self._backends.prometheus_url}: status {status}")

    def _ingest_one(self, document: Any) -> int:
        if not isinstance(document, dict) or not isinstance(document.get("text"), str) or not document["text"].strip():
            raise Invalid("a document needs a `text`")
        name = str(document.get("id") or uuid.uuid4())
        points = make_points(name, document["text"], time.time())
        self._backends.qdrant.replace_document(name, points)
        return len(points)


def make_points(document: str, text: str, stored_at: float) -> list[dict[str, Any]]:
    """Qdrant points of a document's passages; ids follow from its name, so storing twice stores once."""
    return [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{document}#{number}")),
            "vector": list(embed(passage)),
            "payload": {"document": document, "passage": number, "text": passage, "storedAt": stored_at},
        }
        for number, passage in enumerate(split_passages(text))
    ]


def cache_key(epoch: bytes, query: str, limit: int) -> str:
    digest = hashlib.sha256(f"{limit}\n{' '.join(query.split())}".encode()).hexdigest()
    return f"rag:search:{epoch.decode()}:{digest}"
