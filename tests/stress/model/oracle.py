"""Judges what arrived at QFPay, by QFPay's rule and with nothing of the project: one line of JSON in, one out.

In: {"raw": the request in hex, "keys": {app_code: client_key}}. Out: what stands in it, and what is wrong with it.
"""

import hashlib
import json
import sys
from urllib.parse import parse_qsl

EXPECTED = {"host", "content-length", "content-type", "accept", "accept-language", "accept-encoding", "user-agent",
            "x-qf-appcode", "x-qf-sign", "x-qf-signtype"}


def judge(raw, keys):
    wrong = []
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    method, target, version = first.split(" ")
    headers = {}
    for line in lines:
        name, value = line.split(":", 1)
        if name.lower() in headers:
            wrong.append("repeated header " + name)
        headers[name.lower()] = value.strip(" ")
    wrong += ["unexpected header " + name for name in headers if name not in EXPECTED]
    if version != "HTTP/1.1":
        wrong.append("version " + version)
    if int(headers.get("content-length", "0")) != len(body):
        wrong.append("the body has another length")
    path, _, query = target.partition("?")
    if query and body:
        wrong.append("parameters in query and body")
    if body and headers.get("content-type") != "application/x-www-form-urlencoded":
        wrong.append("the body is no form")
    form = query or body.decode("ascii")
    pairs = parse_qsl(form, keep_blank_values=True, strict_parsing=True, errors="strict") if form else []
    if len({name for name, _ in pairs}) != len(pairs):
        wrong.append("repeated parameter")
    app_code = headers.get("x-qf-appcode", "")
    text = "&".join(name + "=" + value for name, value in sorted(pairs, key=lambda pair: pair[0].encode()))
    preimage = (text + keys[app_code]).encode()
    sign_type = headers.get("x-qf-signtype", "MD5")
    expected = {"MD5": hashlib.md5(preimage).hexdigest().upper(), "SHA256": hashlib.sha256(preimage).hexdigest()}
    if headers.get("x-qf-sign") != expected[sign_type]:
        wrong.append("the signature is wrong")
    place = "query" if query else "form" if body else "nowhere"
    return {"method": method, "path": path, "place": place, "pairs": pairs, "app_code": app_code,
            "sign_type": sign_type, "user_agent": headers.get("user-agent", ""), "wrong": wrong}


for line in sys.stdin:
    task = json.loads(line)
    try:
        verdict = judge(bytes.fromhex(task["raw"]), task["keys"])
    except Exception as error:
        verdict = {"method": "", "path": "", "place": "", "pairs": [], "app_code": "", "sign_type": "",
                   "user_agent": "", "wrong": [repr(error)]}
    print(json.dumps(verdict), flush=True)
