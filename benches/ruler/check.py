"""Before anything is measured: does each row that signs sign right? Judged by an upstream in Python, over hashlib."""

import hashlib
import http.client
import http.server
import random
import ssl
import threading
import urllib.parse

from .peers import APP_CODE, CLIENT_KEY

CALLS = 40


def signature(parameters):
    text = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    return hashlib.md5((text + CLIENT_KEY).encode()).hexdigest().upper()


class Judge(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        parameters = dict(urllib.parse.parse_qsl(form, keep_blank_values=True, strict_parsing=True))
        right = self.headers["X-QF-SIGN"] == signature(parameters) and self.headers["X-QF-APPCODE"] == APP_CODE
        respcd = "0000" if right else "1100"
        answer = f'{{"respcd": "{respcd}", "out_trade_no": "{parameters["out_trade_no"]}"}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        # A connection that a proxy keeps would go on being answered here, in Python, while the proxy is measured.
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def check(stage):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", stage.port), Judge)
    server.daemon_threads = True
    if stage.scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(stage.pem, stage.secret)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for row in stage.rows:
            connection = http.client.HTTPConnection("127.0.0.1", row.port, timeout=20)
            right = sum(call(connection, number) for number in range(CALLS))
            connection.close()
            if right != (CALLS if row.signs else 0):
                raise SystemExit(f"{row.name}, {stage.scheme}: {right} of {CALLS} signatures are right")
    finally:
        server.shutdown()
        server.server_close()


def call(connection, number):
    parameters = {
        "txamt": str(random.randint(1, 99999)), "txcurrcd": "HKD", "pay_type": "800201", "udid": "till 7",
        "out_trade_no": f"check-{number}", "txdtm": "2026-01-31 12:00:00", "goods_name": "奶茶 1+1", "mchid": "M1",
    }
    form = urllib.parse.urlencode(parameters)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/trade/v1/payment", form, headers)
    return '"respcd": "0000"' in connection.getresponse().read().decode()
