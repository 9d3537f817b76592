"""One slice of load by wrk: how fast, how late, and at which price."""

import dataclasses
import json
import subprocess

from .peers import LOAD_CORE

FORM = (
    "txamt=1200&txcurrcd=HKD&pay_type=800201&txdtm=2026-01-31+12%3A00%3A00"
    "&goods_name=%E5%A5%B6%E8%8C%B6+1%2B1&udid=till+7&mchid=M1&out_trade_no=bench-"
)
AS_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def script_for(body, headers):
    """For wrk, what it sends: `body` is an expression in Lua, in which `number` is another with each call.

    A second payment of a number that is in flight would be refused.
    """
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    return f"""
wrk.method = "POST"
{lines}
local number = math.random(1000000)
function request()
  number = number + 1
  return wrk.format(nil, nil, nil, {body})
end
function done(summary, latency, requests)
  local e = summary.errors
  print(string.format('RESULT {{"requests": %d, "us": %d, "p50": %f, "p99": %f, "errors": %d}}', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


SCRIPT = script_for(f'"{FORM}" .. number', AS_FORM)


@dataclasses.dataclass
class Slice:
    rate: float  # requests per second
    p50: float  # microseconds
    p99: float
    cpu: float  # microseconds of the proxy per request
    resident: float  # MiB


def measure(row, connections, seconds, script, url=None):
    """`script` is a file that holds a script for wrk."""
    before = row.process.cpu_us()
    url = url or f"http://127.0.0.1:{row.port}/trade/v1/payment"
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, url]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    result = json.loads(text.split("RESULT ")[1].splitlines()[0])
    if result["errors"] or not result["requests"]:
        raise SystemExit(f"{row.name}: wrong answers:\n{text}")
    cpu = (row.process.cpu_us() - before) / result["requests"]
    rate = result["requests"] / result["us"] * 1e6
    return Slice(rate, result["p50"], result["p99"], cpu, row.process.resident_mib())
