"""The proxies that are compared, and the upstream behind them: how each is started, one worker each."""

import os
import pathlib
import socket
import subprocess
import time

APP_CODE = "A1B2C3D4E5F60718293A4B5C6D7E8F90"
CLIENT_KEY = "0123456789ABCDEF0123456789ABCDEF"  # the published one of tests/vectors/sign.jsonl
PROXY_CORE, LOAD_CORE = 0, 1
ANSWER = (
    '{"respcd": "0000", "resperr": "", "respmsg": "", "out_trade_no": "bench-1", "syssn": "20260131000200020000000001", '
    '"txamt": "1200", "txcurrcd": "HKD", "txdtm": "2026-01-31 12:00:00", "pay_type": "800201", "cardcd": "", '
    '"sysdtm": "2026-01-31 12:00:00", "qrcode": "weixin://wxpay/bizpayurl?pr=bench0001"}'
)

NGINX = """
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 1024; }}
http {{
  access_log {log}; keepalive_requests 100000000; keepalive_timeout 3600;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {body}
}}
"""
# It names the order that it was asked for: no other answer is passed on.
UPSTREAM = """
  server {{ listen 127.0.0.1:{port} {tls};
    location / {{ default_type application/json; content_by_lua_block {{
      ngx.req.read_body()
      local order = string.match(ngx.req.get_body_data(), "out_trade_no=([^&]+)")
      local answer = string.gsub([[{answer}]], "bench%-1", order)
      ngx.header.content_length = #answer
      ngx.print(answer)
    }} }} }}
"""
PROXY = """
  upstream qfpay {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port};
    location / {{ {sign}
      proxy_pass {scheme}://qfpay; proxy_http_version 1.1; proxy_set_header Connection ""; {verify} }} }}
"""
VERIFY = "proxy_ssl_verify on; proxy_ssl_trusted_certificate {authority}; proxy_ssl_name localhost; proxy_ssl_server_name on;"
# As a shop would write it: sorted names, joined, the key behind them, MD5 in capitals.
SIGN = """
      access_by_lua_block {{
        ngx.req.read_body()
        local names, pairs_ = {{}}, {{}}
        local values = ngx.req.get_post_args()
        for name in pairs(values) do names[#names + 1] = name end
        table.sort(names)
        for i, name in ipairs(names) do pairs_[i] = name .. "=" .. values[name] end
        ngx.req.set_header("X-QF-APPCODE", "{app_code}")
        ngx.req.set_header("X-QF-SIGN", string.upper(ngx.md5(table.concat(pairs_, "&") .. "{key}")))
      }}
"""
SIDECAR = """
environment = "test"
[listen]
api = "127.0.0.1:{port}"
admin = "127.0.0.1:0"
[upstream]
base_url = "{base}"
{authority}
[quota]
per_second = 100000
per_minute = 0
[apps.shop]
app_code = "{app_code}"
client_key_file = "{folder}/key"
"""


def free_port():
    return int(subprocess.check_output([pathlib.Path(__file__).resolve().parents[2] / "scripts" / "free-port"]))


def wait_for(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


class Process:
    """A program pinned to one core, and its children."""

    def __init__(self, command, core, output):
        environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
        pinned = ["taskset", "-c", str(core), *command]
        self.child = subprocess.Popen(pinned, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def tree(self):
        found = [self.child.pid]
        for pid in found:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            found.extend(int(child) for child in children)
        return found

    def cpu_us(self):
        """Time on the processor, of all threads that live, in microseconds."""
        total = 0
        for pid in self.tree():
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1000

    def resident_mib(self):
        kib = 0
        for pid in self.tree():
            lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
            kib += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
        return kib / 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(timeout=90)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Row:
    """One proxy that is measured."""

    def __init__(self, name, signs, port, process):
        self.name, self.signs, self.port, self.process = name, signs, port, process
        self.idle_mib = 0.0


class Stage:
    """All that runs for one kind of upstream, http or https."""

    def __init__(self, folder, scheme, sidecars, bare=None, further=""):
        """The peers come with `bare`, the path of one of them; `further` are settings of the sidecars."""
        self.folder, self.scheme, self.port, self.further = pathlib.Path(folder), scheme, free_port(), further
        self.folder.mkdir()
        self.certificate()
        (self.folder / "key").write_text(CLIENT_KEY)
        (self.folder / "key").chmod(0o600)
        self.base = f"{scheme}://{'localhost' if scheme == 'https' else '127.0.0.1'}:{self.port}"
        self.rows = []
        if bare:
            self.rows += [self.nginx("nginx, plain", ""), self.nginx("nginx + Lua, signs", SIGN), self.bare(bare)]
        self.rows += [self.sidecar(name, binary) for name, binary in sidecars]

    def certificate(self):
        """Of its own authority, for localhost."""
        self.authority, self.pem, self.secret = (self.folder / name for name in ("ca.pem", "server.pem", "server.key"))
        run = lambda *command: subprocess.run(["openssl", *command], check=True, capture_output=True, cwd=self.folder)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        run("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=bench")
        run("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        (self.folder / "san").write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
        signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san"]
        run("x509", "-req", "-in", "server.csr", *signing, "-out", "server.pem")

    def start(self, name, command, core=PROXY_CORE):
        with open(self.folder / f"{name}.log", "w") as output:
            return Process([str(part) for part in command], core, output)

    def nginx_with(self, name, log, body, core=PROXY_CORE):
        folder = self.folder / name.replace(" ", "-").replace(",", "")
        folder.mkdir(exist_ok=True)
        (folder / "conf").write_text(NGINX.format(folder=folder, log=log, body=body))
        return self.start(folder.name, ["nginx", "-e", folder / "errors", "-c", folder / "conf"], core)

    def upstream(self):
        tls = f"ssl; ssl_certificate {self.pem}; ssl_certificate_key {self.secret}" if self.scheme == "https" else ""
        body = UPSTREAM.format(port=self.port, tls=tls, answer=ANSWER)
        process = self.nginx_with("upstream", "off", body, LOAD_CORE)
        wait_for(self.port)
        return process

    def receiver(self, port):
        """A shop's, of notifications."""
        process = self.nginx_with("receiver", "off", f"server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }}", LOAD_CORE)
        wait_for(port)
        return process

    def nginx(self, name, sign):
        port = free_port()
        body = PROXY.format(
            upstream=self.port, port=port, scheme=self.scheme,
            sign=sign.format(app_code=APP_CODE, key=CLIENT_KEY),
            verify=VERIFY.format(authority=self.authority) if self.scheme == "https" else "",
        )
        return Row(name, bool(sign), port, self.nginx_with(name, f"{self.folder}/{port}.access", body))

    def bare(self, binary):
        port = free_port()
        command = [binary, f"127.0.0.1:{port}", self.base, APP_CODE, CLIENT_KEY]
        command += [self.authority] if self.scheme == "https" else []
        return Row("bare hyper, signs", True, port, self.start("bare", command))

    def sidecar(self, name, binary):
        port = free_port()
        authority = f'ca_file = "{self.authority}"' if self.scheme == "https" else ""
        text = SIDECAR.format(port=port, base=self.base, authority=authority, app_code=APP_CODE, folder=self.folder)
        config = self.folder / f"{name}.toml"
        config.write_text(text + self.further)
        return Row(name, True, port, self.start(name, [binary, "run", "--config", config]))

    def __enter__(self):
        try:
            for row in self.rows:
                wait_for(row.port)
                row.idle_mib = row.process.resident_mib()
        except BaseException:
            self.__exit__()  # not called by `with` then
            raise
        return self

    def __exit__(self, *_):
        for row in self.rows:
            row.process.__exit__()
