"""A sidecar and web servers for tests/browser/attack.py. Needs BINARY."""

import os
import re
import socket
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from chromium import WAIT
from steps import stop

BINARY = os.environ["BINARY"]
APP_CODE = "5A4DB0C55A4DB0C55A4DB0C55A4DB0C5"  # config/sandbox.toml's, no secret
LISTENERS = ("api", "admin", "notifications", "sandbox")


class Sidecar:
    """A sidecar with its sandbox and its notification listener. `listen` names addresses other than free ports.

    With `local_key` the pages below `prefix` need that key's signature; without it they are for shop.test alone.
    """

    def __init__(self, prefix="", local_key="", **listen):
        self.folder = tempfile.TemporaryDirectory()
        self.key_file = Path(self.folder.name) / "local_key"
        self.key_file.touch(0o600)
        self.key_file.write_text(local_key + "\n")
        key = f'browser.local_key_file = "{self.key_file}"\n' if local_key else ""
        api, admin, notifications, sandbox = (listen.get(name, "127.0.0.1:0") for name in LISTENERS)
        config = Path(self.folder.name) / "sidecar.toml"
        config.write_text(
            f'environment = "sandbox"\nlisten = {{ api = "{api}", admin = "{admin}", notifications = "{notifications}" }}\n'
            f'sandbox = {{ listen = "{sandbox}", quota_per_second = 0, quota_per_minute = 0 }}\n'
            f'browser.public_prefix = "{prefix}"\nbrowser.allowed_redirect_hosts = ["shop.test", "127.0.0.1"]\n{key}[apps.demo]\napp_code = "{APP_CODE}"\n'
            '[[notifications.routes]]\npath = "/n"\nreceiver_url = "http://127.0.0.1:9/n"\n'
        )
        self.output = open(Path(self.folder.name) / "output", "wb")
        command = [BINARY, "run", "--config", str(config)]
        self.process = subprocess.Popen(
            command, env={}, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output
        )

    def __enter__(self):
        deadline = time.monotonic() + WAIT
        while "\nready" not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.said()
                self.__exit__()
                raise RuntimeError(f"the sidecar did not start: {said}")
            time.sleep(0.05)
        screen = self.said()
        labels = zip(LISTENERS, ("api", "admin", "notify", "sandbox"))
        self.urls = {name: re.search(rf"^ *{label} +(http://[0-9.:]+)", screen, re.M)[1] for name, label in labels}
        return self

    def __exit__(self, *_):
        stop(self.process)
        self.output.close()
        self.folder.cleanup()

    def said(self):
        """The start screen and the log so far."""
        return Path(self.output.name).read_text(errors="replace")

    def refusals(self):
        """How many requests any listener refused at its gate: as counted, and as logged where nothing counts."""
        metrics = requests.get(self.urls["admin"] + "/metrics", timeout=WAIT).text
        counted = re.findall(r'^qfpay_sidecar_\w+\{[^}]*"(?:browser|host)_refused"[^}]*\} (\d+)', metrics, re.M)
        logged = re.findall(r"a request to the (?:admin listener|sandbox) was refused", self.said())
        return sum(map(int, counted)) + len(logged)

    def record(self):
        """The sandbox's own record: every order, notification and request that reached it."""
        return requests.get(self.urls["sandbox"] + "/sandbox/", timeout=WAIT).text


class Web(ThreadingHTTPServer):
    """A web server on this machine. `answer(request)` gives the HTML of `request.path`, or None if it has answered."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port, answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                html = answer(self)
                if html is not None:
                    self.send_response(200)
                    self.send_header("Content-Type", "text/html; charset=utf-8")
                    self.end_headers()
                    self.wfile.write(html.encode())

            def log_message(self, *_):
                pass

        self.sockets = []
        super().__init__(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def get_request(self):
        accepted = super().get_request()
        self.sockets.append(accepted[0])
        return accepted

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        # Browsers open connections ahead of need: none may outlive the server.
        for connection in self.sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join()
