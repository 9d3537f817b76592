"""nginx in front of a shop and a sidecar, as docs/pages.md says: the customers' pages to the one, all else to the other."""

import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from chromium import WAIT
from steps import stop

PAGES = ("tool/v1/get_weixin_oauth_code", "checkstand/", "q/direct")


class Nginx:
    """Listens on `port` of this machine; ends with the block."""

    def __init__(self, port, shop, sidecar):
        self.folder = tempfile.TemporaryDirectory()
        folder, self.port = self.folder.name, port
        passed = "".join(f"location = /pay/{page} {{ proxy_pass {sidecar}; }}\n" for page in PAGES)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = Path(folder) / "nginx.conf"
        config.write_text(
            f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
            f"http {{ access_log off;\n{temporary}server {{ listen 127.0.0.1:{port};\n"
            f"proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;\n"
            f"{passed}location / {{ proxy_pass {shop}; }}\n}} }}\n"
        )
        self.log = open(Path(folder) / "log", "wb")
        command = ["nginx", "-p", folder, "-c", str(config), "-e", "stderr"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        deadline = time.monotonic() + WAIT
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5).close()
                return self
            except OSError as problem:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = Path(self.log.name).read_text(errors="replace")
                    self.__exit__()
                    raise RuntimeError(f"nginx or the shop behind it does not answer ({problem}): {said}") from problem
                time.sleep(0.1)

    def __exit__(self, *_):
        stop(self.process)
        self.log.close()
        self.folder.cleanup()
