"""Create requests and inspects for tests, as short as a case needs them."""

from typing import Any

from controller.engines import labels
from controller.engines.template import Request, make_template
from controller.model.desired import Template


def marks(service: str = "a", number: int = 1, **more: str) -> dict[str, str]:
    return {
        labels.PROJECT: "p",
        labels.SERVICE: service,
        labels.NUMBER: str(number),
        labels.ONEOFF: "False",
        labels.CONFIG_HASH: "hash",
        labels.IMAGE: "sha256:0",
        labels.VERSION: "2.26.1",
        **more,
    }


def request(*, create: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **more: Any) -> Request:
    service = more.pop("service", "a")
    endpoint = {"p_default": {"Aliases": [f"p-{service}-1", service]}}
    body = {
        "Image": "img:1",
        "Labels": marks(service),
        "HostConfig": {"NetworkMode": "p_default", "RestartPolicy": {"Name": ""}, **(host or {})},
        "NetworkingConfig": {"EndpointsConfig": endpoint},
        **(create or {}),
    }
    return Request(more.pop("name", f"p-{service}-1"), None, body, **more)


def template(made: Request, **ids: str) -> Template:
    return make_template(made, (), (), ids)


def inspected(made: Request, image: dict[str, Any] | None = None, **state: Any) -> dict[str, Any]:
    """The inspect of a container that was made from that request, with the engine's defaults."""
    create = dict(made.create)
    host, networking = dict(create.pop("HostConfig")), create.pop("NetworkingConfig") or {}
    host["RestartPolicy"] = {"Name": host["RestartPolicy"].get("Name") or "no", "MaximumRetryCount": 0}
    host.setdefault("LogConfig", {"Type": "json-file", "Config": {}})
    base = image or {}
    config = {
        **create,
        "Env": [*(create.get("Env") or ()), *(base.get("Env") or ())],
        "Cmd": create.get("Cmd") or base.get("Cmd"),
        "Entrypoint": create.get("Entrypoint") or base.get("Entrypoint"),
    }
    endpoints = {
        name: {
            **(endpoint or {}),
            "Aliases": [*((endpoint or {}).get("Aliases") or ()), "0123456789ab"],
            "IPAddress": "10.0.0.2",
        }
        for name, endpoint in {
            **(networking.get("EndpointsConfig") or {}),
            **{connect["network"]: connect["endpoint"] for connect in made.connects},
        }.items()
    }
    return {
        "Id": "0123456789ab" + "0" * 52,
        "Name": f"/{made.name}",
        "Created": "2026-01-02T03:04:05.123456789Z",
        "Image": "sha256:1",
        "RestartCount": 0,
        "State": {
            "Status": "running",
            "Running": True,
            "StartedAt": "2026-01-02T03:04:06Z",
            "FinishedAt": ZERO,
            **state,
        },
        "Config": config,
        "HostConfig": host,
        "Mounts": [],
        "NetworkSettings": {"Networks": endpoints, "Ports": {}},
    }


ZERO = "0001-01-01T00:00:00Z"
