"""One hardened service, and for each rule of the scan at least one change of it that has to be found, in its line.

`#! H03` marks the line in which that rule has to find something; where a thing is missing, that of the service's name.
What one change brings about besides is marked as well: nothing else may be found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.security.stand import DIGEST, compose, service

OPEN = "networks: {inner: {}}"
"""The network in the hardened one's place that leads outside."""


class Case(NamedTuple):
    rule: str
    what: str
    files: Mapping[str, str]


def one(rule: str, change: str, *, top: str = "", without: str = "", missing: str = "", **files: str) -> Case:
    """A change of the one service. `missing`: rules that find something in the line of its name."""
    text = compose(service(change, without=without, head=f"#! {missing}" if missing else ""), top=top)
    return Case(rule, " ".join((change or f"without {without}").split()), {"compose.yaml": text, **_named(files)})


def two(rule: str, what: str, first: str, second: str, *, top: str = "", **files: str) -> Case:
    """Two services, each as text."""
    return Case(rule, what, {"compose.yaml": compose(first, second, top=top), **_named(files)})


def several(rule: str, what: str, **files: str) -> Case:
    return Case(rule, what, _named(files))


def _named(files: Mapping[str, str]) -> dict[str, str]:
    """`web_env` is `web.env`, and `manifests__shop_yaml` is `manifests/shop.yaml`."""
    return {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}


def _uses(name: str, change: str = "", **rest: str) -> str:
    """A service that depends on another."""
    return service(f"depends_on: [{name}]\n{change}", **rest)


def _volume(options: str, marks: str = "") -> str:
    """One that is mounted in some way, with what is found in its options."""
    return f"volumes: {{out: {{driver_opts: {{{options}}}}}}}{f' #! {marks}' if marks else ''}"


def _made_of(marks: str, options: str, mount: str = "out:/x") -> Case:
    """A service with such a volume; its options are where that is told."""
    return one(marks.split(maxsplit=1)[0], f"volumes: ['{mount}']", top=_volume(options, marks))


def _host() -> Iterator[Case]:
    """H."""
    yield one("H01", 'volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"] #! H01')
    yield one("H01", "volumes:\n  - /run/podman/podman.sock:/engine.sock #! H01")
    yield one("H01", "volumes: ['/:/host:ro'] #! H01")
    yield one("H01", "volumes:\n  - type: npipe\n    source: '\\\\.\\pipe\\docker_engine' #! H01\n    target: /pipe")
    yield one("H01", "volumes: ['/var/run:/host/run:ro'] #! H01")
    yield one("H01", "volumes: ['/run/containerd:/c:ro'] #! H01")
    yield one(
        "H01", "volumes:\n  - /run/user/1000:/u:ro #! H01\n  - /run/k3s/containerd:/k #! H01\n  - /run/crio:/c #! H01"
    )
    yield one("H01", "volumes:\n  - ~/.docker/run:/d #! H01\n  - /var/run/docker.sock.raw:/r #! H01")
    yield one("H01", "volumes: ['/run/dbus/system_bus_socket:/bus'] #! H01")
    yield one(
        "H01",
        "volumes:\n  - data:/data\n  - type: bind\n    source: /run/docker.sock #! H01\n    target: /docker.sock",
        top="volumes: {data: {}}",
    )
    yield one(
        "H01",
        "volumes:\n  - data:/data\n  - engine:/engine",
        top="volumes:\n  data: {}\n  engine:\n    driver_opts:\n      type: none\n      o: bind\n"
        "      device: /var/run/docker.sock #! H01",
    )
    yield one(  # a secret from outside of the project, too
        "H01", "secrets: [engine]", top="secrets:\n  engine:\n    file: /run/podman/podman.sock #! H01 S07"
    )
    yield one("H02", "use_api_socket: true #! H02")
    yield one("H03", "privileged: true #! H03")
    yield one("H04", "volumes: ['/etc:/host/etc'] #! H04")
    yield one("H04", "volumes:\n  - /usr/local/bin:/tools #! H04")
    yield one("H04", "volumes: ['/var/lib:/lib:rw'] #! H04")
    yield one("H04", "volumes:\n  - type: bind\n    source: /boot #! H04\n    target: /boot")
    yield _made_of("H04", "type: none, o: bind, device: /etc")
    yield one("H04", "volumes: ['/etc/ssl/certs:/etc/ssl/certs'] #! H04")
    yield one("H04", "volumes:\n  - /usr/share/ca-certificates:/certs:rw #! H04\n  - /etc/timezone:/etc/timezone")
    yield one("H05", "volumes: ['/etc:/host/etc:ro'] #! H05")
    yield one("H05", "volumes:\n  - /sys:/sys:ro #! H05")
    yield one("H05", "volumes: ['/dev/shm:/dev/shm'] #! H05")
    yield one("H05", "volumes:\n  - ~/.ssh:/keys:ro #! H05")
    yield one("H05", "volumes:\n  - ${HOME}/.aws:/aws:ro #! H05")
    yield one("H05", "volumes:\n  - /home/me:/me:ro #! H05")
    yield one("H06", "volumes: ['./state:/state:ro'] #! H06")
    yield one("H06", "volumes: ['./compose.yaml:/c.yaml'] #! H06")
    yield one("H06", "env_file: [web.env]\nvolumes:\n  - ./web.env:/web.env #! H06", web_env="LOG_LEVEL=info\n")
    yield one("H06", "volumes:\n  - .:/app #! H06")
    yield several(
        "H06",
        "manifests, and the files of another stack",
        compose_yaml=compose(service("volumes:\n  - ./manifests/b.yaml:/b #! H06\n  - ./b:/x #! H06\n  - ./c:/c")),
        manifests__a_yaml=_manifest("scan: {}"),
        manifests__b_yaml=_manifest("scan: {}").replace("shop", "other").replace("../", "../b/"),
        b__compose_yaml="name: other\nservices: {}\n",
    )


def _devices() -> Iterator[Case]:
    """The rest of H."""
    yield one("H07", "devices: ['/dev/sda:/dev/sda'] #! H07")
    yield one("H07", "devices:\n  - /dev/null\n  - /dev/nvme0n1:/dev/disk:r #! H07")
    yield one("H07", "volumes: ['/dev/mapper/root:/disk:ro'] #! H07 H05")  # and a file of /dev
    yield one("H08", "device_cgroup_rules: ['a *:* rwm'] #! H08")
    yield one("H08", "device_cgroup_rules:\n  - c 1:3 r\n  - b 8:0 r #! H08")
    yield one("H09", "devices: ['/dev/ttyUSB0:/dev/ttyUSB0'] #! H09")
    yield one("H09", "gpus: all #! H09")
    yield one(
        "H09",
        "deploy:\n  resources:\n    reservations:\n      devices: #! H09\n        - {capabilities: [gpu]}",
    )
    yield one("H10", "cap_add: [SYS_ADMIN] #! H10")
    yield one("H10", "cap_add:\n  - CHOWN\n  - CAP_SYS_MODULE #! H10")
    yield one("H10", "cap_add: [all] #! H10")
    yield one("H11", "cap_add:\n  - NET_BIND_SERVICE\n  - NET_ADMIN #! H11")
    yield one("H11", "cap_add: [BPF] #! H11")
    yield one("H12", "cap_add: [SYS_TIME] #! H12")
    yield one("H12", "cap_add: [IPC_LOCK] #! H12")
    yield one("H13", "cap_add: [SYS_PTRACE] #! H13")
    yield one("H13", "cap_add: [NET_RAW] #! H13")
    yield one("H14", "", without="cap_drop", missing="H14")
    yield one("H14", "cap_drop: [NET_RAW, MKNOD] #! H14")
    yield one("H15", "post_start:\n  - command: /bin/prepare\n    user: root #! H15")
    yield one("H15", "post_start:\n  - command: /bin/prepare\n    user: '00:5' #! H15")
    yield one("H15", "pre_stop:\n  - command: /bin/drain\n    privileged: true #! H15")
    yield one("H16", "provider:\n  type: awesomecloud #! H16")
    yield one("H17", "build:\n  context: .\n  privileged: true #! H17")
    yield one("H17", "build:\n  context: .\n  network: host #! H17")
    yield one("H17", "build:\n  context: .\n  entitlements:\n    - network.host #! H17")


def _in_disguise() -> Iterator[Case]:
    """The same through links, and through volumes that are mounted in another way."""
    yield one("H01", "volumes: ['./rootlink:/host'] #! H01 H04 F07", rootlink="-> /")
    yield one("H01", "volumes: ['./sock:/s:ro'] #! H01 F07", sock="-> /var/run/docker.sock")
    yield one("H04", "volumes: ['./out/cron.d:/x'] #! H04 F07", out="-> /etc")
    yield _made_of("H04", "type: nfs, o: bind, device: etc")
    yield _made_of("H01", "type: overlay, device: overlay, o: 'lowerdir=/:/srv'")
    yield _made_of("H04", "type: overlay, o: 'lowerdir=/srv,upperdir=/etc/x'")
    yield _made_of("H04", "type: proc, device: proc")
    yield _made_of("H05", "type: sysfs, device: none", "out:/x:ro")
    yield _made_of("H07 H05", "type: ext4, device: /dev/sdb1")
    yield _made_of("F04", "type: none, o: 'bind,rshared', device: /srv/shop")
    yield _made_of("F05", "type: tmpfs, device: tmpfs, o: 'size=10m,exec,suid'")
    yield one("H05", "volumes: ['./keys:/k:ro'] #! H05 F07", keys="-> /home/me/.ssh")
    yield one("H06", "volumes: ['./own:/own:ro'] #! H06", own="-> state")
    yield one("H07", "volumes: ['./disk:/disk'] #! H07 H05 F07", disk="-> /dev/sda")
    yield one(
        "H01", "secrets: [engine]", top="secrets:\n  engine:\n    file: ./sock #! H01 S07", sock="-> /run/docker.sock"
    )


def _namespaces() -> Iterator[Case]:
    """N."""
    yield one("N01", "network_mode: host #! N01", without="networks")
    outer = "networks: {outer: {external: true, name: host}}"
    yield one("N01", "networks:\n  - outer #! N01\nsysctls: {net.core.somaxconn: 9} #! N13", top=outer)
    yield one("N02", "pid: host #! N02")
    yield one("N03", "ipc: host #! N03")
    yield one("N04", "uts: host #! N04")
    yield one("N05", "userns_mode: host #! N05")
    yield one("N06", "cgroup: host #! N06")
    yield one("N06", "cgroup_parent: /system.slice #! N06")
    yield one("N06", "security_opt:\n  - no-new-privileges:true\n  - writable-cgroups=true #! N06")
    yield one("N07", "ipc: shareable #! N07")
    yield one("N07", "network_mode: 'container:other' #! N07", without="networks")
    yield two("N07", "pid of another service", _uses("db", "pid: 'service:db' #! N07"), service(name="db"))
    yield one("N08", "security_opt:\n  - no-new-privileges:true\n  - seccomp:unconfined #! N08")
    yield one("N08", "security_opt: ['no-new-privileges:true', 'seccomp=unconfined'] #! N08")
    yield one("N09", "security_opt:\n  - apparmor:unconfined #! N09\n  - no-new-privileges:true")
    yield one("N10", "security_opt:\n  - label:disable #! N10\n  - no-new-privileges:true")
    yield one("N10", "security_opt:\n  - no-new-privileges\n  - label=type:spc_t #! N10")
    yield one(
        "N10",
        "security_opt:\n  - no-new-privileges\n  - label:level:s0\n  - label:user:u #! N10\n  - label=role:r #! N10",
    )
    yield one("N11", "security_opt:\n  - no-new-privileges\n  - systempaths=unconfined #! N11")
    yield one("N12", "", without="security_opt", missing="N12")
    yield one("N12", "security_opt:\n  - no-new-privileges:false #! N12")
    yield one("N12", "security_opt: ['no-new-privileges=0'] #! N12")
    yield one("N12", "security_opt: ['no-new-privileges:FALSE'] #! N12")
    yield one("N13", "sysctls:\n  net.core.somaxconn: 1024 #! N13")
    yield one("N13", "sysctls:\n  - net.ipv4.tcp_syncookies=1\n  - kernel.msgmax=65536 #! N13")
    yield one("N14", "runtime: sysbox-runc #! N14")
    yield one("N14", "runtime: runsc #! N14")


def _files() -> Iterator[Case]:
    """F."""
    yield one("F01", "user: root #! F01")
    yield one("F01", "user: '0:10001' #! F01")
    yield one("F01", "user: '${NO_USER}:${NO_GROUP}' #! F01")
    yield one("F01", "user: '00:10001' #! F01")
    yield one("F01", "", without="user", missing="F01")
    yield one("F02", "group_add:\n  - docker #! F02")
    yield one("F02", "group_add: [audio, '0'] #! F02")
    yield one("F02", "group_add:\n  - '00' #! F02\n  - 1000")
    yield one("F03", "", without="read_only", missing="F03")
    yield one("F03", "read_only: false #! F03")
    yield one(
        "F04",
        "volumes:\n  - type: bind\n    source: ./data\n    target: /data\n    bind:\n      propagation: rshared #! F04",
    )
    yield one("F04", "volumes:\n  - ./data:/data:rslave #! F04")
    yield one("F05", "tmpfs:\n  - /tmp\n  - /run:size=10m,exec #! F05")
    yield two(
        "F06",
        "two writers of a volume",
        _uses("db", "volumes:\n  - data:/data #! F06"),
        service("volumes: ['data:/var/data'] #! F06", name="db"),
        top="volumes: {data: {}}",
    )
    yield two(
        "F06",
        "two writers of a folder",
        _uses("db", "volumes:\n  - ./data:/data #! F06"),
        service("volumes: ['./data:/var/data'] #! F06", name="db"),
    )
    yield two(
        "F06",
        "two names of a volume",
        _uses("db", "volumes:\n  - first:/data #! F06"),
        service("volumes: ['second:/data'] #! F06", name="db"),
        top="volumes: {first: {name: shared}, second: {name: shared}}",
    )
    yield two(
        "F06",
        "two volumes of a folder",
        _uses("db", "volumes:\n  - first:/data #! F06"),
        service("volumes: ['second:/data'] #! F06", name="db"),
        top="volumes:\n  first: {driver_opts: {type: none, o: bind, device: /srv/x}}\n"
        "  second: {driver_opts: {type: none, o: bind, device: /srv/x}}",
    )
    yield two(
        "F06", "volumes_from", _uses("db", "volumes_from:\n  - db #! F06"), service("volumes: ['/data']", name="db")
    )
    yield one("F07", "volumes: ['../other:/data:ro'] #! F07")
    yield one("F07", "volumes:\n  - ./${UP}/x:/x:ro #! F07\n  - ${REL:-../y}:/y:ro #! F07", _env="UP=..\n")
    yield one("F07", "volumes:\n  - ./link:/data:ro #! F07 H06", link="-> ..")  # which holds ours as well


def _networks() -> Iterator[Case]:
    """W."""
    yield one("W01", "ports: ['8080:8080'] #! W01")
    yield one("W01", "ports:\n  - '127.0.0.1:8080:8080'\n  - '8081:8081' #! W01")
    yield one("W01", "ports:\n  - target: 8080\n    published: '8081' #! W01")
    yield one("W01", "ports:\n  - '[::]:8080:8080' #! W01")
    yield one("W01", "ports:\n  - {target: 80, published: '8080', host_ip: '::ffff:0.0.0.0'} #! W01")
    yield one("W02", "ports:\n  - '5432:5432' #! W02")
    yield one("W02", "ports:\n  - 10.0.0.5:6380:6379 #! W02")
    yield one("W03", "ports:\n  - '127.0.0.1:443:8443' #! W03")
    yield one("W04", "ports: ['127.0.0.1:2222:22'] #! W04")
    yield one("W04", "expose:\n  - '22' #! W04")
    yield one("W04", "expose: ['20-25'] #! W04")
    yield one("W04", "command: /usr/sbin/sshd -D #! W04")
    yield one("W04", 'command: sh -c "/usr/sbin/sshd -D" #! W04')
    yield one("W04", "entrypoint: [/bin/bash, -ec, 'ssh-keygen -A && exec /usr/sbin/sshd -De'] #! W04")
    yield one("W05", "ports: ['127.0.0.1:9000-9020:9000-9020'] #! W05")
    yield _exposed()
    yield one("W05", "ports: ['127.0.0.1:3000-4000:3000-4000'] #! W05")
    yield one("W01", "ports:\n  - '8080:8080' #! W01\n  - '8081:8081' #! W01")
    yield one("W06", "network_mode: bridge #! W06", without="networks")
    yield two("W07", "no edge", service("networks: #! W07\n  - inner"), service("networks: [inner] #! W07", name="db"))
    yield one("W08", f"image: registry.example.com/shop/postgres:16.1@{DIGEST}\nnetworks:\n  - inner #! W08", top=OPEN)
    yield one("W09", "", top="networks:\n  inner:\n    internal: true #! W09")
    yield one("W10", "extra_hosts:\n  - machine:host-gateway #! W10")
    yield _twice()
    yield one("W12", "environment:\n  DOCKER_HOST: tcp://10.0.0.5:2375 #! W12")
    yield one("W12", "command: [dockerd, -H, 'tcp://0.0.0.0:2375'] #! W12")
    yield one("W13", "environment:\n  NODE_TLS_REJECT_UNAUTHORIZED: '0' #! W13")
    yield one("W13", "environment:\n  - DB=host=db sslmode=disable #! W13")
    yield one("W13", "command: curl --insecure https://shop.example.com #! W13")
    yield two(
        "W14",
        "an edge without a certificate",
        _uses("db"),
        service(name="db", head="#! W14"),
        manifests__shop_yaml=_manifest("tls: {mode: internal, services: [web]}"),
    )


def _exposed() -> Case:
    front = "networks:\n  front: {internal: true, driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}}"
    back = front.removeprefix("networks:\n").replace("front", "back")
    lonely = service("expose:\n  - '8080' #! W05\nnetworks: [front]")
    return two("W05", "exposed to nobody", lonely, service("networks: [back]", name="db"), top=f"{front}\n{back}")


def _twice() -> Case:
    """The one that stands first has it."""
    first = service("ports: ['127.0.0.1:8080:80']", name="db")
    return two("W11", "one port twice", first, _uses("db", "ports:\n  - '127.0.0.1:8080:8080' #! W11"))


def _resources() -> Iterator[Case]:
    """R."""
    yield one("R01", "", without="mem_limit", missing="R01")
    yield one("R01", "mem_limit: 0 #! R01")
    yield one("R02", "", without="cpus", missing="R02")
    yield one("R03", "", without="pids_limit", missing="R03")
    yield one("R03", "pids_limit: -1 #! R03")
    yield one("R04", "ulimits:\n  memlock: -1 #! R04")
    yield one("R05", "oom_score_adj: -500 #! R05")
    yield one("R05", "oom_kill_disable: true #! R05")
    yield one("R05", "memswap_limit: -1 #! R05")
    yield one("R06", "restart: always #! R06")
    yield one("R06", "restart: on-failure #! R06")
    yield one("R06", "", without="restart", missing="R06")
    yield one("R07", "", without="healthcheck", missing="R07")
    yield one("R07", "healthcheck: {disable: true} #! R07")
    yield one("R07", "healthcheck:\n  test: [NONE] #! R07")
    yield one("R08", "logging:\n  driver: none #! R08")
    yield one("R08", "logging: {driver: json-file} #! R08")
    yield one("R08", "", without="logging", missing="R08")


def _images() -> Iterator[Case]:
    """I."""
    yield one("I01", "image: registry.example.com/shop/web #! I01")
    yield one("I01", "image: registry.example.com/shop/web:latest #! I01")
    yield one("I01", "image: registry.example.com/shop/web:${TAG:-latest} #! I01")
    yield one("I02", "image: registry.example.com/shop/web:1.4.2 #! I02")
    yield one("I03", f"image: 192.168.1.5:5000/shop/web:1.4.2@{DIGEST} #! I03")
    yield one(
        "I03",
        f"image: docker.io/somebody/web:1.4.2@{DIGEST} #! I03",
        manifests__shop_yaml=_manifest("scan: {allow: {registries: [registry.example.com]}}"),
    )
    signed = f"image: registry.example.com/shop/web:1.4.2@{DIGEST}"
    yield one("I04", f"{signed} #! I04", manifests__shop_yaml=_manifest("scan: {images: {signatures: proofs}}"))
    yield one("I05", f"{signed} #! I05", manifests__shop_yaml=_manifest("scan: {images: {reports: proofs}}"))
    yield one(
        "I05",
        f"{signed} #! I05",
        manifests__shop_yaml=_manifest("scan: {images: {reports: proofs}}"),
        manifests__proofs__web_json=f'{{"ArtifactName": "registry.example.com/shop/web:1.4.2@{DIGEST}", "Results": '
        '[{"Vulnerabilities": [{"Severity": "CRITICAL"}]}]}',
    )
    yield one("I07", "build: https://github.com/acme/web.git#main #! I07")
    yield one("I07", "image: registry.example.com/shop/web:latest #! I01\npull_policy: never #! I07")  # no version


def _secrets() -> Iterator[Case]:
    """S."""
    yield one("S01", "environment:\n  DB_PASSWORD: kW7zq2LmX9 #! S01")
    yield one("S01", "environment:\n  - LOG_LEVEL=info\n  - API_KEY=kW7zq2LmX9 #! S01")
    yield one("S01", "environment:\n  DB_PASSWORD: ${DB_PASSWORD:-kW7zq2LmX9} #! S01")
    yield one("S01", "env_file: web.env", web_env="LOG_LEVEL=info\nSMTP_PASS=kW7zq2LmX9 #! S01\n")
    yield one("S01", "environment:\n  NO_REPLY_SMTP_PASSWORD: Zx81kkq9 #! S01")
    yield one("S01", "environment:\n  PUBLIC_API_SECRET_KEY: Zx81kkq9 #! S01")
    yield one("S01", "environment:\n  DB_PASSWORD: $$kW7zq2LmX9 #! S01")
    yield one("S01", "environment:\n  AWS_SECRET_ACCESS_KEY: /wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY #! S01")
    yield one("S02", "environment:\n  DB: postgres://shop:kW7zq2LmX9@db/shop #! S02")
    yield one("S02", "environment:\n  DB: 'Server=db;User Id=sa;Password=kW7zq2LmX9;' #! S02")
    yield one("S03", "command: [serve, --api-key=kW7zq2LmX9] #! S03")
    yield one("S03", "entrypoint: redis-server --requirepass kW7zq2LmX9 #! S03")
    yield one("S03", "healthcheck:\n  test: mysqladmin ping -pkW7zq2LmX9 #! S03")
    yield one("S03", "labels:\n  - com.example.token=kW7zq2LmX9 #! S03")
    yield one("S03", "build:\n  context: .\n  args:\n    NPM_TOKEN: kW7zq2LmX9 #! S03")
    yield one("S03", "", top="x-common:\n  db:\n    DB_PASSWORD: kW7zq2LmX9 #! S03")
    yield one(
        "S04",
        "volumes: ['share:/share']",
        top="volumes:\n  share:\n    driver_opts:\n      type: cifs\n      device: //nas/share\n"
        "      o: username=shop,password=kW7zq2LmX9 #! S04",
    )
    yield one("S05", "environment:\n  WORD: AKIAIOSFODNN7EXAMPLE #! S05")
    yield one("S05", "command:\n  - serve\n  - ghp_0123456789abcdefghijABCDEFGHIJ012345 #! S05")
    yield one(
        "S05",
        "configs: [app]",
        top="configs:\n  app:\n    content: 'https://hooks.slack.com/services/T0123/B0123/abcdefABCDEF' #! S05",
    )
    yield one("S06", "environment:\n  SIGN: ${JWT_SECRET_KEY} #! S06")
    yield one("S06", "environment:\n  - ENCRYPTION_KEY #! S06")
    yield one("S07", "env_file: ../web.env #! S07", **{"..__web_env": "LOG_LEVEL=info\n"})
    yield one("S07", "configs: [app]", top="configs:\n  app:\n    file: /opt/app.conf #! S07")
    yield one("S08", "secrets: [key]", top="secrets:\n  key:\n    environment: SHOP_KEY #! S08")
    yield one("S09", "environment:\n  POSTGRES_PASSWORD: postgres #! S09 S01")  # known, and in clear
    yield one("S09", "environment:\n  DB: mysql://root:changeme@db/shop #! S09 S02")


def _manifest(security: str) -> str:
    return (
        "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: shop}\n"
        f"spec:\n  compose: {{files: [../compose.yaml]}}\n  security: {{{security}}}\n"
    )


def _forms() -> Iterator[Case]:
    """The same through whatever a Compose file is put together by."""
    yield one("H03", "depends_on: 5\nprivileged: true #! H03")  # which Compose refuses
    yield several(
        "H03",
        "a merged anchor",
        compose_yaml="x-base: &base\n  privileged: true #! H03\n" + compose(service("<<: *base")),
    )
    yield several(
        "H10",
        "an anchored list",
        compose_yaml="x-caps: &caps\n  - CHOWN\n  - SYS_ADMIN #! H10\n" + compose(service("cap_add: *caps")),
    )
    yield several(
        "S01",
        "merged variables",
        compose_yaml="x-env: &env\n  LOG_LEVEL: info\n  DB_PASSWORD: kW7zq2LmX9 #! S01 S03\n"
        + compose(service("environment:\n  <<: *env\n  MORE: '1'")),
    )
    yield two(
        "H03",
        "extends in the same file",
        service("privileged: true #! H03 H03", name="base"),
        "web:\n  extends: {service: base}\n  depends_on: [base]",
    )
    yield several(
        "W01",
        "extends in another file",
        compose_yaml=compose("web:\n  extends:\n    file: base.yaml\n    service: base"),
        base_yaml="services:\n  " + service("ports:\n  - '8080:8080' #! W01", name="base").replace("\n", "\n  ") + "\n",
    )
    yield several(
        "F03",
        "missing in what is extended",
        compose_yaml=compose("web: #! F03\n  extends:\n    file: base.yaml\n    service: base"),
        base_yaml="services:\n  " + service(name="base", without="read_only").replace("\n", "\n  ") + "\n",
    )
    yield several(
        "N02",
        "an override",
        compose_yaml=compose(service()),
        **{"compose_override_yaml": "services:\n  web:\n    mem_limit: 64m\n    pid: host #! N02\n"},
    )
    yield several(
        "H10",
        "a list in an override",
        compose_yaml=compose(service("cap_add:\n  - CHOWN")),
        **{"compose_override_yaml": "services:\n  web:\n    cap_add:\n      - KILL\n      - SYS_RAWIO #! H10\n"},
    )
    yield several(
        "R06",
        "an override that changes it",
        compose_yaml=compose(service()),
        **{"compose_override_yaml": "services:\n  web:\n    restart: always #! R06\n"},
    )
    yield several(
        "H04",
        "an included file",
        compose_yaml="name: shop\ninclude:\n  - parts/web.yaml\n",
        parts__web_yaml=compose(service("volumes: ['/etc:/host'] #! H04")).removeprefix("name: shop\n"),
    )
    yield several(
        "F07",
        "out of an included file's folder, and an extended one's",
        compose_yaml="name: shop\ninclude:\n  - parts/web.yaml\n",
        parts__web_yaml=compose("web:\n  extends: {file: sub/base.yaml, service: base}").removeprefix("name: shop\n"),
        parts__sub__base_yaml="services:\n  "
        + service("volumes:\n  - ../../../a:/a:ro #! F07\n  - ../b:/b:ro", name="base").replace("\n", "\n  ")
        + "\n",
    )
    yield several(
        "H04",
        "mounts that Compose sorts by where they are",
        compose_yaml=compose(service("volumes:\n  - ./b:/z\n  - /etc:/y #! H04\n  - ./a:/b", head="&web")),
        compose_override_yaml="services:\n  web:\n    volumes:\n      - ./c:/a\n      - ../d:/x #! F07\n",
    )
    yield several(
        "W01",
        "long ports before others of an override",
        compose_yaml=compose(
            service(
                "ports:\n  - {target: 80, published: '8081', host_ip: 127.0.0.1}\n"
                "  - {target: 80, published: '8082'} #! W01"
            )
        ),
        compose_override_yaml="services:\n  web:\n    ports:\n      - target: 80\n        published: '8083'\n"
        "        host_ip: 127.0.0.1\n",
    )
    yield several(
        "S01",
        "one name in the env files of two services, and beside them",
        compose_yaml=compose(
            _uses("db", "env_file:\n  - path: web.env\n    required: true"), service("env_file: [db.env]", name="db")
        ),
        web_env="\nSMTP_PASS=kW7zq2LmX9 #! S01\n",
        db_env="SMTP_PASS=${SMTP_PASS}\n",
        **{"_env": "A=b\nB=c\nSMTP_PASS=\n"},
    )
    yield several(
        "S02",
        "a value in several lines",
        compose_yaml=compose(service("environment:\n  DB: >- #! S02\n    postgres://shop:kW7zq2LmX9@db/shop")),
    )
    yield several(
        "H03",
        "of a profile that is not asked for",
        compose_yaml=compose(
            service("networks: [inner] #! W07"),
            service("profiles: [debug]\nprivileged: true #! H03\nnetworks: [inner] #! W07", name="debug"),
        ),
    )
    yield several(
        "H03",
        "extends over two files",
        compose_yaml=compose("web:\n  extends: {file: one/base.yaml, service: base}"),
        one__base_yaml="services: {base: {extends: {file: ../two.yaml, service: lowest}, mem_limit: 64m}}\n",
        two_yaml="services:\n  " + service("privileged: true #! H03", name="lowest").replace("\n", "\n  ") + "\n",
    )
    yield several(
        "H14",
        "taken back by an override",
        compose_yaml=compose(service()),
        compose_override_yaml="services:\n  web:\n    cap_drop: !reset [] #! H14\n",
    )
    yield several(
        "H03",
        "a variable's default",
        compose_yaml=compose(service("privileged: ${PRIVILEGED:-true} #! H03")),
    )
    yield several(
        "H01",
        "a variable's default as source",
        compose_yaml=compose(service("volumes:\n  - ./a:/a\n  - ${SOCKET:-/var/run/docker.sock}:/x #! H01")),
    )
    yield several(
        "N08",
        "quoted keys, and braces over several lines",
        compose_yaml=compose(
            service(
                '"security_opt": [\n  "no-new-privileges:true",\n  "seccomp:unconfined" #! N08\n]',
                without="security_opt",
            )
        ),
    )
    yield several(
        "H12",
        "two merged anchors",
        compose_yaml="x-a: &a {cap_add: [SYSLOG]} #! H12\nx-b: &b {cap_add: [CHOWN], pid: host} #! N02\n"
        + compose(service("<<: [*a, *b]")),
    )
    yield several(
        "W13",
        "variables as a list in an override",
        compose_yaml=compose(service("environment: [A=b]")),
        compose_override_yaml="services:\n  web:\n    environment:\n      - PGSSLMODE=disable #! W13\n",
    )


CASES = (
    *_host(), *_devices(), *_in_disguise(), *_namespaces(), *_files(), *_networks(), *_resources(), *_images(),
    *_secrets(), *_forms(),
)  # fmt: skip
