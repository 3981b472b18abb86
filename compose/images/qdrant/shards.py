"""Collections on disk: each one a shard of Qdrant's own engine, opened once, flushed after every change."""

import json
import re
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as edge

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_DISTANCES = {name: getattr(edge.Distance, name) for name in ("Cosine", "Euclid", "Dot", "Manhattan")}


class Refused(Exception):
    """A request that cannot be served; `status` is the HTTP status that Qdrant answers with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Shards:
    """All collections under one folder. Safe to call from several threads: one call at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.RLock()
        self._open: dict[str, edge.EdgeShard] = {}
        root.mkdir(parents=True, exist_ok=True)
        for marker in sorted(root.glob("*/collection.json")):
            self._open[marker.parent.name] = edge.EdgeShard.load(str(marker.parent / "shard"))

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._open)

    def create(self, name: str, vectors: Mapping[str, Any]) -> None:
        """Makes an empty collection of one unnamed vector; 409 when there is one, 400 when the request is malformed."""
        if not _NAME.fullmatch(name):
            raise Refused(400, f"Wrong input: collection name {name!r} is not allowed")
        distance = _DISTANCES.get(str(vectors.get("distance")))
        size = vectors.get("size")
        if distance is None or not isinstance(size, int) or not 1 <= size <= 65535:
            raise Refused(400, "Wrong input: `vectors` needs a size of 1 to 65535 and a known distance")
        with self._lock:
            if name in self._open:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            folder = self._root / name
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "shard").mkdir(parents=True)
            config = edge.EdgeConfig(vectors=edge.EdgeVectorParams(size=size, distance=distance))
            shard = edge.EdgeShard.create(str(folder / "shard"), config)
            shard.flush()
            # Written last: a folder without it is a creation that was cut short, and is made anew.
            (folder / "collection.json").write_text(json.dumps({"size": size, "distance": vectors["distance"]}))
            self._open[name] = shard

    def drop(self, name: str) -> bool:
        """Removes the collection and its data; False when there was none."""
        with self._lock:
            shard = self._open.pop(name, None)
            if shard is None:
                return False
            shard.close()
            (self._root / name / "collection.json").unlink(missing_ok=True)
            shutil.rmtree(self._root / name, ignore_errors=True)
            return True

    def describe(self, name: str) -> dict[str, Any]:
        with self._lock:
            info = self._shard(name).info()
            params = json.loads((self._root / name / "collection.json").read_text())
        return {
            "status": "green",
            "optimizer_status": "ok",
            "points_count": info.points_count,
            "indexed_vectors_count": info.indexed_vectors_count,
            "segments_count": info.segments_count,
            "config": {"params": {"vectors": params}},
            "payload_schema": {},
        }

    def upsert(self, name: str, points: Sequence[Mapping[str, Any]]) -> None:
        with self._lock:
            made = [edge.Point(point["id"], point["vector"], point.get("payload")) for point in points]
            self._update(name, edge.UpdateOperation.upsert_points(made))

    def delete(self, name: str, request: Mapping[str, Any]) -> None:
        with self._lock:
            if "points" in request:
                operation = edge.UpdateOperation.delete_points(list(request["points"]))
            else:
                operation = edge.UpdateOperation.delete_points_by_filter(_filter(request.get("filter")))
            self._update(name, operation)

    def search(self, name: str, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        vector = request.get("vector", request.get("query"))
        if not isinstance(vector, list):
            raise Refused(400, "Wrong input: only a list of numbers is supported as query here")
        asked = edge.SearchRequest(
            query=edge.Query.Nearest(vector),
            limit=int(request.get("limit", 10)),
            offset=int(request.get("offset", 0)),
            filter=_filter(request.get("filter")),
            with_vector=bool(request.get("with_vector", False)),
            with_payload=request.get("with_payload", False),
            score_threshold=request.get("score_threshold"),
        )
        with self._lock:
            found = self._shard(name).search(asked)
        return [{**_record(point), "version": point.version, "score": point.score} for point in found]

    def retrieve(self, name: str, ids: Sequence[Any], with_vector: bool = False) -> list[dict[str, Any]]:
        with self._lock:
            return [_record(record) for record in self._shard(name).retrieve(list(ids), True, with_vector)]

    def scroll(self, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        asked = edge.ScrollRequest(
            offset=request.get("offset"),
            limit=int(request.get("limit", 10)),
            filter=_filter(request.get("filter")),
            with_payload=request.get("with_payload", True),
            with_vector=bool(request.get("with_vector", False)),
        )
        with self._lock:
            records, following = self._shard(name).scroll(asked)
        return {"points": [_record(record) for record in records], "next_page_offset": following}

    def count(self, name: str, request: Mapping[str, Any]) -> int:
        with self._lock:
            return self._shard(name).count(edge.CountRequest(filter=_filter(request.get("filter"))))

    def close(self) -> None:
        with self._lock:
            for shard in self._open.values():
                shard.flush()
                shard.close()
            self._open.clear()

    def _shard(self, name: str) -> edge.EdgeShard:
        if name not in self._open:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        return self._open[name]

    def _update(self, name: str, operation: edge.UpdateOperation) -> None:
        shard = self._shard(name)
        shard.update(operation)
        shard.flush()


def _record(record: Any) -> dict[str, Any]:
    found = {"id": record.id if isinstance(record.id, int) else str(record.id), "payload": record.payload}
    return found if record.vector is None else {**found, "vector": record.vector}


def _filter(spec: Mapping[str, Any] | None) -> edge.Filter | None:
    """Qdrant's filter of `match` conditions; others are refused rather than ignored."""
    if not spec:
        return None
    if unknown := set(spec) - {"must", "should", "must_not"}:
        raise Refused(400, f"Wrong input: filter clause {sorted(unknown)} is not supported here")
    return edge.Filter(**{clause: [_condition(one) for one in conditions] for clause, conditions in spec.items()})


def _condition(spec: Mapping[str, Any]) -> Any:
    match spec:
        case {"has_id": list(ids)}:
            return edge.HasIdCondition(set(ids))
        case {"key": str(key), "match": {"value": value}}:
            return edge.FieldCondition(key=key, match=edge.MatchValue(value))
        case {"key": str(key), "match": {"any": list(values)}}:
            return edge.FieldCondition(key=key, match=edge.MatchAny(values))
        case _:
            raise Refused(400, "Wrong input: only `match` and `has_id` conditions are supported here")
