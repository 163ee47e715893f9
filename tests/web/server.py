"""The real app: `forescale app` as a process of its own, asked over HTTP."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest


@dataclass
class Server:
    link: str

    @property
    def base(self):
        return self.link.split("/?token=")[0]

    @property
    def token(self):
        return self.link.split("/?token=")[1]

    def ask(self, path, body=None, method=None, raw=None, **headers):
        """(status, answer) with the token unless `authorization` is given."""
        sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
        said = {"authorization": f"Bearer {self.token}", "content-type": "application/json"} | headers
        request = Request(self.base + path, data=sent, method=method, headers={k: v for k, v in said.items() if v})
        try:
            with urlopen(request, timeout=120) as answer:
                status, text, self.headers = answer.status, answer.read(), answer.headers
        except HTTPError as error:
            with error:
                status, text, self.headers = error.code, error.read(), error.headers
        return status, json.loads(text) if "json" in (self.headers["content-type"] or "") else text.decode()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    pytest.importorskip("fastapi")
    home = tmp_path_factory.mktemp("cache")
    env = os.environ | {"XDG_CACHE_HOME": str(home), "OPENBLAS_NUM_THREADS": "1"}
    env.pop("FORESCALE_STUDIES", None)
    command = [sys.executable, "-m", "forescale", "app", "--no-open", "--port", "0"]
    log = tmp_path_factory.mktemp("app") / "stderr"
    with log.open("w") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env) as process:
        found = Server(process.stdout.readline().strip())
        assert "?token=" in found.link
        found.uploads = home / "forescale" / "uploads"
        yield found
        process.terminate()
