"""What of a command is a credential, and what only looks like one."""

from __future__ import annotations

import pytest

from controller.security.arguments import calls, given, is_credential
from controller.security.blanks import filled
from controller.security.reading import words

pytestmark = pytest.mark.unit

PW = "kW7zq2LmX9"
HOLD = """
redis-server --requirepass PW
redis-server requirepass PW
redis-cli -a PW ping
redis-cli --pass PW ping
redis-cli -h db -a PW ping | grep PONG
mysqladmin ping -uroot -pPW
docker exec db mysql -u root -pPW
mysqld --password=PW
mongosh -u root -p PW
sshpass -p PW ssh -p 2222 u@h
docker login -u u -p PW reg
helm registry login -u u -p PW reg
ldapwhoami -x -w PW
sqlcmd -S db -P PW
curl -u admin:PW https://x
curl --user=admin:PW https://x
curl -f -H 'X-Api-Key: PW' http://localhost
curl -H "Authorization: Bearer PW" https://x
wget --header="Authorization: Bearer PW" https://x
smbclient -U u%PW //nas/x
java -Dspring.datasource.password=PW -jar a.jar
java -Djavax.net.ssl.keyStorePassword=PW -jar a.jar
traefik --providers.x.auth.password=PW
app --pass PW
app --pw=PW
app --db-pass PW
app --private-key=PW
app --encryption-key PW
app --dbPassword=PW
app --api-key PW
app --password ${X:-PW}
AWS_SECRET_ACCESS_KEY=PW aws s3 ls
export DB_PASSWORD=PW; app
env DB_PASSWORD=PW app
sh -c "DB_PASSWORD=PW exec app"
sh -c "a && sh -c 'app --token PW'"
docker run -e POSTGRES_PASSWORD=PW postgres
kubectl create secret generic x --from-literal=password=PW
app --set auth.password=PW
app --opts="-Da.password=PW -Db=c"
--token=PW
"""
HOLD_NOT = """
vault token lookup
kubectl create secret generic x
docker secret ls
python manage.py changepassword admin
psql --no-password app
app --require-password=yes
app --use-token true
app --password prompt
sh -c "echo waiting for token from api"
sh -c "test -n $$TOKEN || echo TOKEN = missing"
app --secret my-k8s-secret-name --token-ttl 1h
app --secret-file x --api-key env:API_KEY
app --token $(TOKEN)
app --token ${TOKEN:-} serve
app --password "$$(cat /run/secrets/p)" --secret-file /x
redis-server --requirepass $$REDIS_PASSWORD
redis-cli -a $$(cat /run/secrets/r) ping
redis-cli -p 6379 ping
mysqladmin ping -p$$MYSQL_ROOT_PASSWORD
mysql -p shop
mysqldump --password shop
pg_dump --no-password -p 5432 -U app
sshpass -e ssh -p 2222 u@h
sshpass -f /run/secrets/p ssh -p 2222 u@h
docker run -p 8080:80 reg/login
docker login -u u --password-stdin reg
mkdir -p /data && cp -a x y && tar -p f
mysqld --password-file=/run/secrets/x --token-ttl 3600 --max-tokens=4000
app --password-stdin --token-endpoint https://idp/token --api-key-header X-Key
docker-entrypoint.sh --secret /run/secrets/x
docker build --secret id=npm,src=.npmrc .
curl -u $$U:$$P https://x
curl -u admin https://x
curl -H "Authorization: Bearer $$TOKEN" https://x
curl -H "Accept: application/json" https://x
traefik --http.routers.token.rule=Host(a)
sed -i s/password=.*/password=x/ f
grep -q password= f
app --token=
"""


def held(said: str | list[str]) -> list[int]:
    return [one.at for call in calls(said) for one in given(call) if is_credential(one)]


def shown(line: str) -> str:
    return filled(line.replace("PW", PW).replace("$$", "$"), in_shell=True)


@pytest.mark.parametrize("line", HOLD.strip().splitlines())
def test_credentials(line: str) -> None:
    """In one text, and as words."""
    assert held(shown(line)) and held(words(shown(line)))


@pytest.mark.parametrize("line", HOLD_NOT.strip().splitlines())
def test_no_credentials(line: str) -> None:
    assert not held(shown(line)) and not held(words(shown(line)))


def test_which_word_it_is() -> None:
    assert held(["app", "--verbose", "--api-key", PW]) == [3]
    assert held(["sh", "-c", f"app --token={PW}"]) == [2]


def test_each_program_by_itself() -> None:
    found = [[word.text for word in call] for call in calls("a 'b c' | d\ne && f")]
    assert [one for one in found if one != ["b", "c"]] == [["a", "b c"], ["d"], ["e"], ["f"]]
