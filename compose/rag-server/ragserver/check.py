"""The container's health check: 0 when this replica is ready, 1 with the reason when it is not."""

import http.client
import sys


def main() -> int:
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=2.5)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        print(answer.read().decode())
        return 0 if answer.status == http.client.OK else 1
    except OSError as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
