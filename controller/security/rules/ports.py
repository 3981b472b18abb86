"""W: what is open to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from controller.security.images import is_data_tier, parse
from controller.security.reading import (
    is_true,
    mapping,
    networks,
    pairs,
    text,
    texts,
    words,
)
from controller.security.shells import started
from controller.security.spans import Published, span
from controller.security.subject import Checks, Hit, Project, Subject

PORTS = Checks()

SENSITIVE = {
    5432: "PostgreSQL", 3306: "MySQL", 1433: "SQL Server", 1521: "Oracle", 27017: "MongoDB", 6379: "Redis",
    9200: "Elasticsearch", 9300: "Elasticsearch", 11211: "memcached", 2375: "the Docker API", 2376: "the Docker API",
    2377: "Swarm",
    2379: "etcd", 2380: "etcd", 8500: "Consul", 5672: "RabbitMQ", 15672: "RabbitMQ's management",
    9092: "Kafka", 2181: "ZooKeeper", 5984: "CouchDB", 9042: "Cassandra", 7474: "Neo4j", 7687: "Neo4j",
    8086: "InfluxDB",
    6333: "Qdrant", 6334: "Qdrant", 9090: "Prometheus", 9093: "Alertmanager", 5601: "Kibana", 8200: "Vault",
    10250: "the kubelet",
}  # fmt: skip
"""Ports of data and of administration, which mostly trust whoever gets there."""
_ADMIN = (
    "traefik",
    "adminer",
    "phpmyadmin",
    "pgadmin",
    "portainer",
    "tomcat",
    "jenkins",
    "redis-commander",
    "mongo-express",
)
"""Whose 8080 is a page for administrators."""
_SSH_IMAGES = ("openssh-server", "openssh", "sshd", "ssh-server", "docker-sshd", "sftp")


def _place(port: Published) -> str:
    ip = port.host_ip.strip("[]") or "0.0.0.0"  # noqa: S104
    ip = f"[{ip}]" if ":" in ip else ip
    return f"{ip}:{_span(port.host)}" if port.host else f"a free port of {ip}"


@PORTS.service(
    "W01", "medium", "published on all interfaces",
    why="Everyone who reaches the machine reaches it: Docker opens the port before the host's firewall (ufw) is asked.",
    fix="publish it as 127.0.0.1:…, or let one ingress serve the outside",
    refs="CIS 5.14, OWASP 5a, CL-0005, KICS 451d79dc",
)  # fmt: skip
def everywhere(one: Subject) -> Iterator[Hit]:
    for port in one.ports():
        if port.everywhere and _sensitive(one, port) is None:
            yield Hit(("ports", port.at), f"{_place(port)} is open to every network of the machine", _written(port))


def _written(port: Published) -> str:
    """The whole of it first, then as one may have written it: in the short form, or in parts."""
    target = _span(port.target)
    host = [] if port.host is None else [f"{_span(port.host)}:{target}", _span(port.host)]
    return "\n".join(filter(None, (port.short, *host, target, port.host_ip)))


def _span(ends: tuple[int, int]) -> str:
    return "-".join(map(str, dict.fromkeys(ends)))


@PORTS.service(
    "W02", "high", "data or administration open to the network",
    why="Such a service mostly trusts whoever gets there, and what it holds is what is wanted.",
    fix="do not publish it: other services reach it without; else publish it as 127.0.0.1:…",
)  # fmt: skip
def sensitive(one: Subject) -> Iterator[Hit]:
    for port in one.ports():
        found = _sensitive(one, port)
        if found is not None and not port.loopback:
            yield Hit(("ports", port.at), f"{found} is open at {_place(port)}", _written(port))


def _sensitive(one: Subject, port: Published) -> str | None:
    first, last = port.target
    for number, name in SENSITIVE.items():
        if first <= number <= last or (port.host is not None and port.host[0] <= number <= port.host[1]):
            return name
    image = text(one.model.get("image")).lower()
    admin = next((name for name in _ADMIN if name in image), None)
    return f"{admin}'s administration" if admin and first <= 8080 <= last else None


@PORTS.service(
    "W03", "low", "low port of the host",
    why="Ports below 1024 are those that people trust to be the machine's own.",
    fix="publish 1024 or above, behind one ingress",
    refs="CIS 5.8, PSS baseline, KICS bc2908f3",
)  # fmt: skip
def low_ports(one: Subject) -> Iterator[Hit]:
    for port in one.ports():
        if port.host is not None and 0 < port.host[0] < 1024:
            number = "port" if port.host[0] == port.host[1] else "ports"
            yield Hit(("ports", port.at), f"it takes {number} {_span(port.host)} of the host", _written(port))


@PORTS.service(
    "W04", "medium", "a way to log in",
    why="A login of its own is one more door, with keys and passwords that nobody rotates.",
    fix="use `docker exec`",
    refs="CIS 5.7",
)  # fmt: skip
def logins(one: Subject) -> Iterator[Hit]:
    found = next((port for port in one.ports() if port.target[0] <= 22 <= port.target[1]), None)
    if found is not None:
        yield Hit(("ports", found.at), "its port 22 is published", f"{_written(found)}\ntarget")
    for index, exposed in enumerate(texts(one.model.get("expose"))):
        ends = span(exposed.split("/")[0])
        if ends is not None and ends[0] <= 22 <= ends[1]:
            yield Hit(("expose", index), "it exposes port 22", exposed)
    for key in ("command", "entrypoint"):
        server = next((argv[0] for argv in started(words(one.model.get(key))) if _logs_in(argv)), None)
        if server is not None:
            yield Hit((key,), "it starts an SSH server", server)
    if parse(text(one.model.get("image"))).last.lower() in _SSH_IMAGES:
        yield Hit(("image",), "its image is an SSH server")


def _logs_in(argv: Sequence[str]) -> bool:
    """An SSH server, or what starts one as a service of the system."""
    name = argv[0].rsplit("/", 1)[-1]
    as_service = name in ("service", "rc-service", "systemctl") and "start" in argv[1:]
    return name in ("sshd", "dropbear") or (as_service and bool({"ssh", "sshd", "ssh.service"} & {*argv[1:]}))


@PORTS.service(
    "W05", "low", "more ports than needed",
    why="Each open port is one more thing to guard.",
    fix="name the ports that are used",
    refs="CIS 5.9",
)  # fmt: skip
def many_ports(one: Subject) -> Iterator[Hit]:
    spans: dict[str, list[Published]] = {}
    for port in one.ports():
        if port.target[1] - port.target[0] >= 10:
            yield Hit(("ports", port.at), f"it publishes {port.target[1] - port.target[0] + 1} ports", _written(port))
        spans.setdefault(f"{port.host_ip}/{port.protocol}", []).append(port)
    if any(_are_many(found) for found in spans.values()):
        yield Hit(("ports",), "it publishes more than ten ports")
    for index, exposed in enumerate(texts(one.model.get("expose"))):
        found = span(exposed.split("/")[0])
        if found is not None and found[1] - found[0] >= 10:
            yield Hit(("expose", index), f"it exposes {found[1] - found[0] + 1} ports", exposed)
        elif len(one.project.services) > 1 and not any(one.neighbours()):
            yield Hit(("expose", index), f"it exposes {exposed}, and no service is declared to need it", exposed)


def _are_many(found: list[Published]) -> bool:
    """Together, and none of them by itself."""
    counts = [one.target[1] - one.target[0] + 1 for one in found]
    return sum(counts) > 10 and max(counts) <= 10


@PORTS.service(
    "W06", "medium", "Docker's default bridge",
    why="All containers on it reach each other, those of other projects included.",
    fix="leave network_mode out: Compose gives the project a network of its own",
    refs="CIS 5.30, OWASP 5, KICS ce14a68b",
)  # fmt: skip
def default_bridge(one: Subject) -> Iterator[Hit]:
    if text(one.model.get("network_mode")) in ("bridge", "default"):
        yield Hit(("network_mode",), "it is on the default bridge")
    for network in networks(one.model):
        if one.project.outer_network(network) == "bridge":
            yield Hit(("networks",), "it is on the default bridge", network)


@PORTS.project(
    "W07", "medium", "flat network",
    why="Services that have nothing to do with each other reach each other: one that is broken into opens all.",
    fix="networkPolicy: dependencies gives each declared edge a network of its own",
)  # fmt: skip
def flat(project: Project) -> Iterator[Hit]:
    if project.standards.isolated:
        return
    joined = {name: set(networks(model)) for name, model in project.services.items()}
    for name in sorted(joined):
        others = sorted(
            other for other in joined
            if other != name and joined[name] & joined[other] and frozenset((name, other)) not in project.edges
            and project.may_meet(name, other)
        )  # fmt: skip
        if others:
            named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
            yield Hit(("services", name, "networks"), f"it shares a network with {named}, which it does not depend on")


@PORTS.service(
    "W08", "medium", "data with a way out",
    why="Whoever breaks in sends the data straight to where it is wanted.",
    fix="put it on networks that are internal: true, or say networkPolicy: dependencies and egress: false",
)  # fmt: skip
def data_way_out(one: Subject) -> Iterator[Hit]:
    standards = one.project.standards
    if not is_data_tier(one.model) or (standards.isolated and one.name in standards.shut):
        return
    joined = networks(one.model)
    open_ = [name for name in joined if not is_true(mapping(one.project.networks.get(name)).get("internal"))]
    if open_:
        yield Hit(("networks",), f"it holds data, and its network '{open_[0]}' leads outside", open_[0])


@PORTS.project(
    "W09", "low", "internal network that reaches the host",
    why="Its gateway is an address of the host: what listens there on all interfaces can be reached.",
    fix="driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated} (Engine 28), or a rule of the firewall",
)  # fmt: skip
def gateways(project: Project) -> Iterator[Hit]:
    for name, spec in project.networks.items():
        chosen = {key for key, value in pairs(mapping(spec).get("driver_opts")) if value == "isolated"}
        if is_true(mapping(spec).get("internal")) and not any(".gateway_mode_ipv" in key for key in chosen):
            yield Hit(("networks", name, "internal"), f"from '{name}' the host's own services can be reached")


@PORTS.service(
    "W10", "low", "the host by name",
    why="It is given a way to what listens on the host.",
    fix="remove it where nothing on the host is needed",
)  # fmt: skip
def host_by_name(one: Subject) -> Iterator[Hit]:
    found = one.model.get("extra_hosts")
    for name, value in pairs(found):
        address = value if value is not None else name.partition(":")[2]
        if address == "host-gateway":
            host = name.partition(":")[0]
            yield Hit(("extra_hosts", host), f"'{host}' is the host", host)


@PORTS.project(
    "W11", "high", "port published twice",
    why="Only one can have it: the other does not start.",
    fix="publish another port",
)  # fmt: skip
def twice(project: Project) -> Iterator[Hit]:
    taken = _Taken()
    for name in project.services:
        for port in project.ports(name):
            other = next(
                (who for who, had in taken.near(port) if _collide(had, port) and project.may_meet(who, name)), None
            )
            if other is not None:
                yield Hit(
                    ("services", name, "ports", port.at), f"{other} publishes {_place(port)} as well", _written(port)
                )
            elif port.host is not None:
                taken.add(name, port)


class _Taken:
    """Ports that are taken, by their numbers; ranges by themselves."""

    def __init__(self) -> None:
        self._single: dict[int, list[tuple[str, Published]]] = {}
        self._ranges: list[tuple[str, Published]] = []

    def add(self, service: str, port: Published) -> None:
        if port.host is not None and port.host[0] == port.host[1]:
            self._single.setdefault(port.host[0], []).append((service, port))
        else:
            self._ranges.append((service, port))

    def near(self, port: Published) -> Iterator[tuple[str, Published]]:
        """Those that may be the same."""
        first, last = port.host or (0, -1)
        numbers = range(first, last + 1) if last - first < len(self._single) else self._single
        for number in numbers:
            yield from self._single.get(number, ())
        yield from self._ranges


def _collide(had: Published, port: Published) -> bool:
    if had.host is None or port.host is None or had.protocol != port.protocol:
        return False
    if (
        had.host[1] - had.host[0] > had.target[1] - had.target[0]
        or port.host[1] - port.host[0] > port.target[1] - port.target[0]
    ):
        return False  # a range to choose from
    return had.meets(port) and had.host[0] <= port.host[1] and port.host[0] <= had.host[1]
