"""Exit 0 where `http://127.0.0.1:PORT/ready` answers 200: `python -m deploy.docker.health PORT`."""

import sys
from http import HTTPStatus
from http.client import HTTPConnection


def is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1])) else 1)
