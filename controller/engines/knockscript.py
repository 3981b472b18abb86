"""Connections tried by what a container has itself: the script that is run in it, and what its answer means. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from controller.model.reach import Answer, Knocked

AT_ONCE = 4
"""Processes that it takes in the container; who runs there may not have leave for many."""

BATCH = 40
"""Connections of one call."""

_PYTHON = """
import errno,json,socket,sys
for n,h,p in json.loads(sys.argv[1]):
 try: socket.create_connection((h,p),{patience:g}).close(); a='open'
 except socket.gaierror: a='nameless'
 except OSError as e: a='refused' if e.errno==errno.ECONNREFUSED else 'silent'
 print(n,a)
"""

_SHELL = """
by_nc() { timeout 2 nc -w 1 "$1" "$2" </dev/null 2>&1 >/dev/null; case $? in
  0) echo took ;; 124|143) echo took late ;; esac; }
by_netcat() { nc -v -z -w 1 "$1" "$2" </dev/null 2>&1 && echo took; }
by_bash() { timeout 1 bash -c 'exec 3<>/dev/tcp/"$0"/"$1" && echo took' "$1" "$2" 2>&1; }
by_perl() { perl -MIO::Socket::INET -e \\
'print IO::Socket::INET->new(PeerAddr=>$ARGV[0],PeerPort=>$ARGV[1],Timeout=>1)?"took":"$! $@"' "$1" "$2" 2>&1; }
by_wget() { wget -T 1 -O /dev/null "http://$1:$2/" </dev/null 2>&1; [ $? -eq 0 ] && echo took; }
for way in WAYS; do
  case $(by_$way 127.0.0.1 1) in *[Rr]efused*) break ;; esac
  way=
done
[ "$way" ] || { echo none; exit 0; }
tell() {
  said=$(by_$way "$2" "$3")
  case $said in
    *[Rr]efused*) a=refused ;;
    *'bad address'*|*'ot known'*|*'resolve'*|*'resolution'*|*'Bad hostname'*|*'o address'*) a=nameless ;;
    *'timed out'*|*'imeout'*|*nreachable*|*'in progress'*|*'No route'*) a=silent ;;
    *took|*'took late'|*'server returned error'*|*'error getting response'*|*'bad header'*) a=open ;;
    '') a=silent ;;
    *) a=unknown ;;
  esac
  case $2 in *:*) kind=address ;; *[A-Za-z]*) kind=name ;; *) kind=address ;; esac
  case $way:$kind:$a:$said in wget:*:silent:*|*:name:silent:*|*:name:open:*'took late') a=unknown ;; esac
  echo "$1 $a"
}
i=0
while [ $# -ge 3 ]; do
  tell "$1" "$2" "$3" &
  shift 3; i=$((i+1)); [ $((i % AT_ONCE)) -eq 0 ] && wait
done
wait
"""
"""A tool is trusted that calls a closed port of its own loopback refused. What nobody answered is not known of a name,
for which its resolver may have been waited; nor by `wget`, which may have been let in and not been answered."""

WAYS = ("nc", "netcat", "bash", "perl", "wget")

NOTHING_THERE = "it has neither python, nor a shell with nc, bash, perl or wget"


def by_python(knocks: Sequence[tuple[str, int]], patience: float) -> list[str]:
    """Argv, of an image that has it."""
    asked = json.dumps([[number, host, port] for number, (host, port) in enumerate(knocks)])
    return ["python3", "-c", _PYTHON.replace("{patience:g}", f"{patience:g}"), asked]


def by_shell(knocks: Sequence[tuple[str, int]], ways: Sequence[str] = WAYS) -> list[str]:
    """Argv; the first of the ways that works there.

    Takes at least a second for what is silent, which is the least that these tools know.
    """
    words = (word for number, (host, port) in enumerate(knocks) for word in (str(number), host, str(port)))
    return ["sh", "-c", _SHELL.replace("AT_ONCE", str(AT_ONCE)).replace("WAYS", " ".join(ways)), "sh", *words]


def read_script(output: str) -> Mapping[int, Knocked]:
    """What it answered, by number; what it did not is missing."""
    found: dict[int, Knocked] = {}
    for line in output.splitlines():
        number, _, answer = line.strip().partition(" ")
        if number.isdigit() and answer in list(Answer):
            reason = "its tool does not tell silence from a slow answer" if answer == Answer.UNKNOWN else ""
            found[int(number)] = Knocked(Answer(answer), None, reason)
    return found
