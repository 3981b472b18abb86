"""What looks bad and is not: hardened, and nothing may be found in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tests.security.stand import DIGEST, NETWORK, compose, service


class Control(NamedTuple):
    what: str
    files: Mapping[str, str]


def one(what: str, change: str, *, top: str = "", without: str = "", **files: str) -> Control:
    more = {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
    return Control(what, {"compose.yaml": compose(service(change, without=without), top=top), **more})


def two(what: str, change: str, other: str, *, top: str = "", without: str = "") -> Control:
    """`web`, which depends on `db`."""
    first = service(f"depends_on: [db]\n{change}", without=without)
    return Control(what, {"compose.yaml": compose(first, service(other, name="db"), top=top)})


_POSTGRES = f"image: registry.example.com/shop/postgres:16.1@{DIGEST}"

CONTROLS = (
    one(
        "a password from a file",
        f"{_POSTGRES}\nenvironment:\n  POSTGRES_PASSWORD_FILE: /run/secrets/pw\nsecrets: [pw]",
        top="secrets: {pw: {file: ./pw}}",
        pw="x",
    ),
    one("a lifetime of tokens", "environment: {TOKEN_TTL: 3600, SECRET_ROTATION_DAYS: '30', PASSWORD_MIN_LENGTH: 12}"),
    one("names of keys and tokens", "environment: [SECRET_NAME=shop-db, TOKEN_ISSUER=shop, PASSWORD_HEADER=X-Auth]"),
    one("where tokens are had", "environment: {TOKEN_URL: 'https://id.example.com/token', AUTH_TOKEN_PATH: /tokens/a}"),
    one("switches about secrets", "environment: {ALLOW_EMPTY_PASSWORD: 'no', RANDOM_ROOT_PASSWORD: 'yes'}"),
    one("a variable for a password", "environment: {DB_PASSWORD: '${DB_PASSWORD}', API_KEY: $API_KEY}"),
    one(
        "a variable that has to be set", "environment: {DB_PASSWORD: '${DB_PASSWORD:?set it}'}", _env="DB_PASSWORD=x\n"
    ),
    one("a password that a shell fills in", "command: 'sh -c \"redis-server --requirepass $$REDIS_PASSWORD\"'"),
    one("a password that a shell reads", "command: [sh, -c, 'serve --password $$(cat /run/secrets/p) -v']"),
    one("an argument that a shell reads", "command: ['--requirepass', '$$(cat /run/secrets/p)']"),
    one("a check with a shell's variable", "healthcheck: {test: 'mysqladmin ping -p$$MYSQL_ROOT_PASSWORD'}"),
    one("an address that a shell fills in", "environment: {DB: 'postgres://u:$$PW@h/d', PASS: $$OTHER_PASS}"),
    one("words like a credential's", "environment: {PASS_THROUGH: always, SALT_MASTER: salt.local}"),
    one("a list about passwords", "environment: {KEYCLOAK_PASSWORD_BLACKLIST: words}"),
    one("an address with variables", "environment: {DB: 'postgres://shop:${DB_PASSWORD}@db/shop?sslmode=require'}"),
    one(
        "an address without credentials", "environment: {DB: 'postgres://db:5432/shop', AT: 'https://a@example.com/x'}"
    ),
    one(
        "a key that is public", "environment: {JWT_PUBLIC_KEY: MIIBIjANBgkqhkiG9w0BAQEF, STRIPE_PUBLIC_KEY: pk_live_a}"
    ),
    one("a command that names a file", "command: [serve, --token-file, /run/secrets/token, --password-file=/run/pw]"),
    one("a label like a secret's", "labels: {com.example.secret-name: db, com.example.docs: 'how to set the token'}"),
    one("ports of the loopback", "ports: ['127.0.0.1:8080:8080', '[::1]:8081:8080', '127.0.0.1:15432:5432']"),
    one(
        "a long port of the loopback",
        "ports:\n  - {target: 9090, published: '9090', host_ip: 127.0.0.1, protocol: tcp, mode: host}",
    ),
    one("the clock, read-only", "volumes: ['/etc/localtime:/etc/localtime:ro', '/etc/timezone:/etc/timezone:ro']"),
    one("certificates of the machine, read-only", "volumes: ['/etc/ssl/certs:/etc/ssl/certs:ro']"),
    one("the clock, which it may set", "volumes: ['/etc/localtime:/etc/localtime']"),
    one("its own files, read-only", "volumes: ['./compose.yaml:/c.yaml:ro', './src:/src']"),
    one(
        "devices called like disks",
        "devices: [/dev/sdr-radio0, /dev/vdpau, /dev/loopback]",
        manifests__shop_yaml="apiVersion: controller/v1\nkind: Stack\nmetadata: {name: shop}\nspec:\n"
        "  compose: {files: [../compose.yaml]}\n"
        "  security: {scan: {allow: {devices: [/dev/sdr-radio0, /dev/vdpau, /dev/loopback]}}}\n",
    ),
    one("a network of its own that is called host", "networks: [host]", top=NETWORK.replace("inner", "host")),
    one("a word about SSH", "command: [fail2ban-client, status, sshd]"),
    one("a script about SSH", "command: [sh, -c, 'pgrep sshd && echo sshd is there']"),
    one("loopback in the other family", "ports: [{target: 5432, published: '5432', host_ip: '::ffff:127.0.0.1'}]"),
    one("a port in both families", "ports: ['[::1]:9001:80', '127.0.0.1:9001:80']"),
    one("a mount of somebody's home", "volumes: ['~/data:/data:ro']"),
    one("a file of the project", "volumes: ['./etc/app.conf:/etc/app.conf:ro', './var/run:/var/run']"),
    one(
        "names like a socket's",
        "volumes: ['docker.sock:/data', 'etc:/etc/app']",
        top="volumes: {docker.sock: {}, etc: {}}",
    ),
    one("an anonymous volume at a path of the host's", "volumes: [/var/lib/docker, /etc]"),
    one("tmpfs with its defaults", "tmpfs: ['/tmp', '/run:size=64m,mode=1777,noexec,nosuid,nodev']"),
    one("the one capability that is allowed everywhere", "cap_add: [NET_BIND_SERVICE]\nuser: '10001'"),
    one("a profile of one's own", "security_opt: ['no-new-privileges', 'seccomp:./seccomp.json']", seccomp_json="{}"),
    one("SELinux with a level", "security_opt: ['no-new-privileges:true', 'label:level:s0:c100,c200']"),
    one(
        "settings of the kernel that are safe",
        "sysctls: {net.ipv4.tcp_syncookies: 1, net.ipv4.ip_unprivileged_port_start: 80}",
    ),
    one("limits of processes below the default", "ulimits: {nofile: {soft: 1024, hard: 65536}, nproc: 512, core: 0}"),
    one(
        "limits by deploy",
        "deploy: {resources: {limits: {cpus: '0.5', memory: 128M, pids: 100}}}",
        without="mem_limit cpus pids_limit",
    ),
    one("restarts by deploy", "deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", without="restart"),
    one("logs elsewhere", "logging: {driver: journald}"),
    one("logs with a size by the local driver", "logging: {driver: local}"),
    one("a harmless device", "devices: ['/dev/null:/dev/null']\ndevice_cgroup_rules: ['c 1:3 r']"),
    one("what is built here", "build: {context: ., args: {VERSION: '1.4'}}\nimage: shop/web"),
    one(
        "what is built from a commit", "build: https://github.com/acme/web.git#4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f"
    ),
    one("a registry on this machine", f"image: localhost:5000/shop/web:1.4.2@{DIGEST}"),
    one("a digest alone", f"image: registry.example.com/shop/web@{DIGEST}"),
    one("the engine through TLS", "environment: {DOCKER_HOST: 'tcp://engine:2376', DOCKER_TLS_VERIFY: '1'}"),
    one("certificates checked", "environment: {NODE_TLS_REJECT_UNAUTHORIZED: '1', PGSSLMODE: verify-full}"),
    one("a host by its address", "extra_hosts: ['nas:192.168.1.9']"),
    one(
        "secrets of the project",
        "secrets: [key]\nenvironment: {KEY_FILE: /run/secrets/key}",
        top="secrets: {key: {file: ./key}}",
        key="x",
    ),
    one("a secret that is elsewhere", "secrets: [key]", top="secrets: {key: {external: true}}"),
    one(
        "a volume of a share with a file of credentials",
        "volumes: ['share:/share']",
        top="volumes: {share: {driver_opts: {type: cifs, device: //nas/share, o: 'credentials=/etc/nas,ro'}}}",
    ),
    one(
        "a volume of a share that is called like a folder of the host",
        "volumes: ['share:/share']",
        top="volumes: {share: {driver_opts: {type: cifs, device: //etc/share, o: 'credentials=/etc/nas,ro'}}}",
    ),
    one("a link that stays in the project", "volumes: ['./link:/data:ro']", link="-> data", data="x"),
    one("a hook as the service's own user", "post_start:\n  - {command: /bin/prepare, user: '10001'}"),
    one("a user by name", "user: app"),
    one("a network of its own by another name", "networks: {inner: {aliases: [api]}}"),
    one("no network at all", "network_mode: none", without="networks"),
    two(
        "a volume that one writes and one reads",
        "volumes: ['data:/data:ro']",
        "volumes: ['data:/data']",
        top="volumes: {data: {}}",
    ),
    two("a database on an inner network", "", f"{_POSTGRES}\nexpose: ['5432']"),
    two(
        "a declared sidecar",
        "pid: 'service:db'\nnetwork_mode: 'service:db'\nlabels: {controller.sidecar: 'true'}",
        "",
        without="networks",
    ),
    two("one port for each protocol", "ports: ['127.0.0.1:5300:53/udp']", "ports: ['127.0.0.1:5300:53/tcp']"),
    two("one port on two addresses", "ports: ['127.0.0.1:8080:80']", "ports: ['127.0.0.2:8080:80']"),
    Control(
        "services that stand for each other",
        {
            "compose.yaml": compose(
                service("profiles: [cpu]\nports: ['127.0.0.1:8080:80']\nvolumes: ['data:/data']"),
                service("profiles: [gpu]\nports: ['127.0.0.1:8080:80']\nvolumes: ['data:/data']", name="faster"),
                top="volumes: {data: {}}",
            )
        },
    ),
    Control(
        "what an override mends",
        {
            "compose.yaml": compose(service("restart: always\nuser: root\nread_only: false")),
            "compose.override.yaml": "services: {web: {restart: 'no', user: '10001', read_only: true}}\n",
        },
    ),
    Control(
        "what is allowed",
        {
            "compose.yaml": compose(service("devices: ['/dev/ttyUSB0']\nruntime: sysbox-runc")),
            "manifests/shop.yaml": "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: shop}\nspec:\n"
            "  compose: {files: [../compose.yaml]}\n"
            "  security: {scan: {allow: {devices: [/dev/ttyUSB0], runtimes: [sysbox-runc]}}}\n",
        },
    ),
)
