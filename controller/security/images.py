"""Names of images: their parts, and what kind of service is in them. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from controller.model.running import Model
from controller.security.reading import text

DATA = frozenset(
    {
        "postgres", "postgresql", "mysql", "mariadb", "mongo", "mongodb", "redis", "valkey", "keydb", "memcached",
        "elasticsearch", "opensearch", "cassandra", "scylla", "couchdb", "couchbase", "neo4j", "influxdb", "clickhouse",
        "clickhouse-server", "timescaledb", "pgvector", "postgis", "cockroach", "etcd", "consul", "rabbitmq", "kafka",
        "zookeeper", "qdrant", "milvus", "weaviate", "chroma", "minio", "mssql", "server", "oracle", "db2", "rethinkdb",
        "arangodb", "dgraph", "percona", "percona-server", "mongodb-community-server", "redis-stack",
        "redis-stack-server", "questdb", "victoria-metrics",
    }
)  # fmt: skip


class ImageName(NamedTuple):
    """`registry/repository:tag@digest`; "" for what is not named."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def last(self) -> str:
        return self.repository.rsplit("/", 1)[-1]


_BLANK = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?")


def parse(name: str) -> ImageName:
    """A name's parts. What is still a variable is left in them."""
    rest, _, digest = name.partition("@")
    head, slash, tail = rest.rpartition("/")
    last, _, tag = _split_tag(tail)
    path = f"{head}{slash}{last}"
    first, slash, others = path.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return ImageName(first, others, tag, digest)
    return ImageName("", path, tag, digest)


def _split_tag(tail: str) -> tuple[str, str, str]:
    """At the colon that is not part of `${NAME:-default}`."""
    depth = 0
    for index, sign in enumerate(tail):
        depth += (sign == "{") - (sign == "}")
        if sign == ":" and depth <= 0:
            return tail[:index], ":", tail[index + 1 :]
    return tail, "", ""


def is_mutable(tag: str) -> bool:
    """Whether it names no version: it leads to another image tomorrow."""
    return tag.lower() in (
        "",
        "latest",
        "stable",
        "edge",
        "main",
        "master",
        "dev",
        "develop",
        "nightly",
        "current",
        "lts",
        "rolling",
    )


def is_data_tier(model: Model) -> bool:
    """A database, a cache, a queue: what holds data for others, by its image's name."""
    last = parse(text(model.get("image"))).last.lower()
    return last in DATA and not (last == "server" and "mssql" not in text(model.get("image")))
