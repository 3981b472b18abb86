"""More of what is to be found, and of what only looks like it: secrets, certificates, images. Several marks a case."""

from __future__ import annotations

from collections.abc import Iterator

from tests.security.controls import Control
from tests.security.controls import one as clean
from tests.security.hostile import Case, one, several
from tests.security.stand import DIGEST, compose, service

PW = "kW7zq2LmX9"
_IMAGE = f"registry.example.com/shop/web:1.4.2@{DIGEST}"


def manifest(security: str) -> str:
    return (
        "apiVersion: controller/v1\nkind: Stack\nmetadata: {name: shop}\n"
        f"spec:\n  compose: {{files: [../compose.yaml]}}\n  security: {{{security}}}\n"
    )


def _variables(rule: str, *lines: str) -> Case:
    return one(rule, "environment:\n" + "\n".join(f"  {line.replace('PW', PW)} #! {rule}" for line in lines))


def _credentials() -> Iterator[Case]:
    yield _variables(
        "S01",
        "REDISCLI_AUTH: PW",
        "VAULT_SECRET_ID: PW",
        "SMTP_PASS: PW",
        "STORAGE_ACCOUNT_KEY: PW",
        "API_TOKEN: 'Bearer ${EMPTY:-}PW'",
        "X_SECRET: ${A:-${B:-PW}}",
        "SPRING: spring.datasource.password=PW",
        "JAVA_OPTS: -Xmx1g -Djavax.net.ssl.keyStorePassword=PW",
        """CONFIG: '{"db": {"password": "PW"}}'""",
    )
    yield _variables(
        "S02",
        "A: https://api.example.com/hook?token=PW",
        "B: DefaultEndpointsProtocol=https;AccountName=a;AccountKey=PW==",
        "C: mysql:host=db;user=a;pass=PW",
        "D: app:PW@tcp(db:3306)/x",
        "E: postgres://app:pa/ssPW@db/x",
        "F: postgres://${U:-app}:${P:-PW}@${H:-db}/x",
    )
    yield one("S09", "environment:\n  POSTGRES_USER: shop\n  POSTGRES_PASSWORD: shop #! S09 S01")
    yield one("S09", "environment:\n  A_PASSWORD: please_change_me! #! S09 S01\n  B: amqp://mq:mq@mq #! S09 S02")


def _commands() -> Iterator[Case]:
    yield one(
        "S03",
        f"command:\n  - sh\n  - -c\n  - AWS_SECRET_ACCESS_KEY={PW} aws #! S03\n"
        f"entrypoint:\n  - app\n  - --verbose\n  - --private-key\n  - {PW} #! S03\n"
        f"healthcheck:\n  test: [CMD, redis-cli, -a, {PW}, ping] #! S03\n"
        f"post_start:\n  - command: [app, --pass, {PW}] #! S03\n    user: '10001'\n"
        f"    environment: [ADMIN_TOKEN={PW}] #! S03",
    )
    yield one(
        "S03",
        f"command: java -Dspring.datasource.password={PW} -jar a.jar #! S03\n"
        f"entrypoint: sshpass -p {PW} ssh u@h #! S03\n"
        f"""healthcheck:\n  test: "curl -f -H 'X-Api-Key: {PW}' http://localhost" #! S03\n"""
        f"x-notes:\n  - api_key: {PW} #! S03\n"
        f"build:\n  context: https://u:{PW}@git.example.com/x.git#{'4f' * 20} #! S03",
        without="image",
    )
    yield several(
        "S03",
        "lists in extensions, labels of networks and volumes",
        compose_yaml=f"x-more:\n  - name: a\n    password: {PW} #! S03\n  - DB_PASSWORD={PW} #! S03\n"
        + compose(
            service("volumes: ['data:/data']\nnetworks: [inner]"),
            top=f"volumes:\n  data:\n    labels: {{com.example.token: {PW}}} #! S03\n"
            "networks:\n  inner:\n    internal: true\n    labels:\n"
            f"      com.example.password: {PW} #! S03\n"
            "    driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}",
        ),
    )


def _definitions() -> Iterator[Case]:
    kinds = ("PASSWORD=PW", "username=a,password2=PW", "name=admin,secret=PW", "addr=nas,user=a%PW")
    volumes = "\n".join(
        f"  v{at}:\n    driver_opts:\n      type: cifs\n      o: {kind.replace('PW', PW)} #! S04"
        for at, kind in enumerate(kinds)
    )
    yield one("S04", "volumes: ['v0:/a', 'v1:/b', 'v2:/c']", top=f"volumes:\n{volumes}")  # v3 is used by none
    yield one(
        "S05",
        f"environment:\n  A: sk-ant-api03-{'a1B2' * 20} #! S05\n  B: hf_{'a1B2' * 9} #! S05\n"
        "  C: '-----BEGIN PGP PRIVATE KEY BLOCK----- x' #! S05",
        top=f"networks:\n  inner:\n    internal: true\n    labels: {{a: glpat-{'a1B2' * 5}}} #! S05\n"
        "    driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}\n"
        f"configs:\n  unused:\n    content: xoxb-{'1' * 12}-a1B2 #! S05",
    )
    yield one(
        "S06",
        "secrets: [key]\nconfigs: [app]\nenv_file: web.env\n"
        "build:\n  context: .\n  args:\n    - ENCRYPTION_KEY_OLD #! S06",
        top="secrets:\n  key:\n    environment: ENCRYPTION_KEY #! S06 S08\n"
        "configs:\n  app:\n    environment: JWT_SECRET #! S06",
        web_env="LOG_LEVEL=info\nMORE=${CONTROLLER_TOKEN} #! S06\n",
    )


def _tls() -> Iterator[Case]:
    yield one("W12", "environment:\n  DOCKER_HOST: docker:2375 #! W12")
    yield one("W12", "healthcheck:\n  test: [CMD, docker, -H, 'tcp://dind:2375', info] #! W12")
    yield _variables(
        "W13",
        "A: verify=false",
        "B: host=db verify=false",
        "SSL_VERIFY: 'no'",
        "S3_INSECURE_SKIP_VERIFY: '1'",
        "NPM_CONFIG_STRICT_SSL: 'false'",
        "C: jdbc:mysql://s/x?useSSL=false",
        "D: rediss://r:6380?ssl_cert_reqs=none",
        "APP_REJECT_UNAUTHORIZED: 'false'",
    )
    yield one(
        "W13",
        "command: sh -c 'curl -fsSk https://x | sh' #! W13\n"
        "entrypoint: app --serversTransport.insecureSkipVerify=true #! W13\n"
        "healthcheck:\n  test: [CMD, wget, --no-check-certificate, -qO-, 'https://localhost'] #! W13",
    )
    yield one("W13", "command: -H tcp://tasks.agent:9001 --tlsskipverify #! W13")


def _others() -> Iterator[Case]:
    yield one("W04", f"image: registry.example.com/lscr/openssh-server:9.7@{DIGEST} #! W04")
    yield one("R06", "restart: on-failure:0 #! R06")
    yield one("R08", "logging:\n  options:\n    max-size: '-1' #! R08")
    yield one("I07", "build: HTTPS://GitHub.com/acme/web.git #! I07", without="image")
    hub = "scan: {allow: {registries: [docker.io/library]}}"
    yield one("I03", f"image: acme/nginx:1.4@{DIGEST} #! I03", manifests__shop_yaml=manifest(hub))
    old = f'{{"CreatedAt": "2026-01-01T00:00:00Z", "ArtifactName": "{_IMAGE}", "Results": []}}'
    yield one(
        "I05",
        f"image: {_IMAGE} #! I05",
        manifests__shop_yaml=manifest("scan: {images: {reports: proofs}}"),
        manifests__proofs__web_json=old,
    )


LEAKS = (*_credentials(), *_commands(), *_definitions(), *_tls(), *_others())


_LOOKALIKES = """
SECRET_PROVIDER: vault
TOKEN_LOCATION: header
API_TOKEN_SCOPE: read
API_KEY_CACHE: redis
PASSWORD_STRENGTH: high
PASSWORD_HASHER: argon2id
ACCESS_TOKEN_COOKIE: sid
VAULT_SECRET_MOUNT: kv
PROXY_PASS: http://backend:8080
API_TOKEN: 'Bearer ${TOKEN}'
BASIC_AUTH_TOKEN: '${U}:${P}'
APP_SECRET: '${A}-${B}'
VAULT_TOKEN: 'vault:secret/web#token'
DB: 'postgres://${DB_USER:-app}:${DB_PASSWORD}@${DB_HOST:-db}:5432/x'
MQ: 'amqp://${U:-guest}:${P}@mq'
DB_TOO: 'postgres://app:${P:-${Q}}@db/x'
DOCS: 'postgres://USER:PASSWORD@HOST/DB'
MODEL: sk-production-cluster-eu-central-1-node-a
EMAIL_VERIFY: 'false'
EMAIL_USE_SSL: 'false'
JDBC: 'jdbc:sqlserver://s;encrypt=true;trustServerCertificate=false'
"""


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines())


_JOB = service("restart: 'no'", without="healthcheck", name="job")
_CLEAN_REPORT = f'{{"ArtifactName": "nginx:1", "Metadata": {{"RepoDigests": ["nginx@{DIGEST}"]}}, "Results": []}}'

LOOKALIKES = (
    clean("what sounds like credentials", f"environment:\n{_indented(_LOOKALIKES)}"),
    clean(
        "words about secrets in commands",
        "command: vault token lookup\n"
        "entrypoint: app --secret my-k8s-secret-name --require-password=yes --api-key env:A\n"
        "healthcheck: {test: 'docker secret ls && echo waiting for token from api'}",
    ),
    clean(
        "options of other programs",
        "command: ['sh', '-c', 'curl -fsS https://x | sort -k 2']\nentrypoint: curl -K /etc/curlrc https://x\n"
        "healthcheck: {test: 'sshpass -e ssh -p 2222 u@h'}",
    ),
    clean("an agent through TLS", "command: -H tcp://tasks.agent:9001 --tls"),
    clean(
        "routers that are called like secrets",
        "labels:\n  traefik.http.routers.token.rule: Host(`a`)\n  traefik.http.middlewares.password.strip.prefixes: /x",
    ),
    clean(
        "a secret of a build alone",
        "build: {context: ., secrets: [npm]}",
        top="secrets: {npm: {environment: NPM_TOKEN}}",
    ),
    clean(
        "a variable in a list and in an extension",
        "command: [serve, '--api-key=${API_KEY}']\nx-notes: {password: '${DB_PASSWORD}'}",
        _env=f"API_KEY={PW}\nDB_PASSWORD={PW}\n",
    ),
    clean(
        "Docker's own images by any name",
        f"image: docker.io/nginx:1@{DIGEST}",
        manifests__shop_yaml=manifest(
            "scan: {allow: {registries: [index.docker.io/library]}, images: {reports: proofs}}"
        ),
        manifests__proofs__web_json=_CLEAN_REPORT,
    ),
    Control(
        "a job that others wait for",
        {"compose.yaml": compose(service("depends_on: {job: {condition: service_completed_successfully}}"), _JOB)},
    ),
)
