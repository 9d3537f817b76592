"""A payment whose fate is unknown (the sandbox's txamt=4200001), as Python shops read its answer. SIDECAR_URL answers with
HTTP's own status, OK_URL with answers.own_status = "200". Prints one line per way of calling, exits 1 on any failure."""

import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid


def naive(base):
    """As shops do it that QFPay taught HTTP 200: an error's body is not asked for."""
    pay = {"txamt": "4200001", "txcurrcd": "HKD", "pay_type": "800201", "out_trade_no": "bodies_" + uuid.uuid4().hex[:24]}
    pay["txdtm"] = time.strftime("%Y-%m-%d %H:%M:%S")
    try:
        form = urllib.parse.urlencode(pay).encode()
        return urllib.request.urlopen(base + "/trade/v1/payment", form, timeout=20).read().decode()
    except urllib.error.URLError as error:
        return repr(error)


lost, read = naive(os.environ["SIDECAR_URL"]), naive(os.environ["OK_URL"])
right = {"urlopen loses it": "HTTPError 502" in lost, "urlopen, own_status 200": '"respcd":"1298"' in read}
for name, is_right in right.items():
    print(f"ok python bodies: {name}" if is_right else f"not ok python bodies: {name}: {lost} {read}")
sys.exit(0 if all(right.values()) else 1)
