"""What tests/container/run built is looked at, measured and run: image.py check FOLDER; image.py stop FOLDER ends what runs.

An OCI runtime (runc, which Docker and containerd start too) runs it in namespaces of its own, with a read-only root, no
capabilities and no new privileges, as the examples for compose and Kubernetes ask for it.
"""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
LIMIT_MB = 15
KEY = "0123456789abcdef0123456789abcdef"
APP_CODE = "QFPAY__APPS__SHOP__APP_CODE=A1B2C3D4E5F60718293A4B5C6D7E8F90"
# The sandbox answers this amount as usual, after three seconds.
SLOW = "4200003"


def expect(right, why):
    if not right:
        sys.exit(f"container: FAILED: {why}")


class Runtime:
    """Containers of one image: `run`, `exec`, `kill` and `delete` of runc."""

    def __init__(self, work):
        self.work, self.state = work, work / "runc"
        self.config = json.loads((work / "image.json").read_text())["Docker"]["config"]
        self.user = [int(number) for number in self.config["User"].split(":")]

    def runc(self, *words, **how):
        return subprocess.run(["runc", "--root", self.state, *words], capture_output=True, text=True, **how)

    def start(self, name, command, variables=(), mounts=()):
        """As `docker run` would, but with the root read-only; in the background."""
        bundle = self.work / name
        bundle.mkdir()
        kernel = [("/proc", "proc", []), ("/dev", "tmpfs", ["nosuid", "mode=755"]), ("/sys", "sysfs", ["ro", "nosuid", "noexec", "nodev"])]
        spec = {
            "ociVersion": "1.0.2",
            "root": {"path": str(self.work / "rootfs"), "readonly": True},
            "process": {
                "user": dict(zip(("uid", "gid"), self.user)) | {"additionalGids": [65532]},
                "args": self.config["Entrypoint"] + command,
                "env": self.config["Env"] + list(variables),
                "cwd": self.config["WorkingDir"] or "/",
                "noNewPrivileges": True,
            },
            "mounts": [{"destination": where, "type": kind, "source": kind, "options": options} for where, kind, options in kernel]
            + [{"destination": where, "type": "bind", "source": str(source), "options": ["bind", "ro"]} for where, source in mounts],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
        }
        (bundle / "config.json").write_text(json.dumps(spec))
        with open(bundle / "log", "w") as log:
            command = ["runc", "--root", self.state, "run", "--bundle", bundle, name]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self, name):
        return (self.work / name / "log").read_text()

    def pid(self, name):
        return json.loads(self.runc("state", name).stdout)["pid"]

    def await_health(self, name, process, probe):
        """Until a health check succeeds, run in the container as an engine runs it."""
        for _ in range(100):
            if self.runc("exec", name, *probe).returncode == 0:
                return
            expect(process.poll() is None, f"{name} ended: {self.log(name)}")
            time.sleep(0.1)
        expect(False, f"{name}: the health check never succeeds: {self.log(name)}")

    def stop(self, name, process):
        """As `docker stop`, or the kubelet. Returns the seconds that it took."""
        start = time.monotonic()
        self.runc("kill", name, "TERM", check=True)
        code = process.wait(timeout=80)
        expect(code == 0, f"{name}: SIGTERM ended it with {code}: {self.log(name)}")
        return time.monotonic() - start

    def end_all(self):
        if not self.state.exists():
            return
        for container in json.loads(self.runc("list", "--format", "json").stdout or "null") or []:
            self.runc("delete", "--force", container["id"])


def measure(work):
    """Layers as they would be pushed: compressed. What ours holds beside the base."""
    layers = {}
    for name in ("run-base", "qfpay-sidecar"):
        blobs = work / f"oci-{name}" / "blobs" / "sha256"
        digest = json.loads((blobs.parents[1] / "index.json").read_text())["manifests"][0]["digest"]
        manifest = json.loads((blobs / digest.split(":")[1]).read_text())
        layers[name] = [blobs / layer["digest"].split(":")[1] for layer in manifest["layers"]]
    base = len(layers["run-base"])
    own = layers["qfpay-sidecar"][base:]
    files = set()
    for layer in own:
        with tarfile.open(layer) as archive:
            files |= {entry.name for entry in archive if not entry.isdir()}
    wanted = {"usr/local/bin/qfpay-sidecar", "usr/lib/libgcc_s.so.1"} | {f"etc/qfpay-sidecar/config/{path.name}" for path in (ROOT / "config").glob("*.toml")}
    expect(files == wanted, f"the image should hold {sorted(wanted)}, and holds {sorted(files)}")
    total, added = (sum(path.stat().st_size for path in paths) / 1e6 for paths in (layers["qfpay-sidecar"], own))
    print(f"container: {total:.1f} MB compressed: {added:.1f} of them ours, the rest the stand-in for the base image")
    expect(total <= LIMIT_MB, f"over {LIMIT_MB} MB")


def look(runtime):
    config = runtime.config
    expect(min(runtime.user) > 0, f"the user is {config['User']}")
    for name in ("title", "description", "licenses", "version", "revision"):
        expect(config["Labels"].get(f"org.opencontainers.image.{name}"), f"no label {name}: {config['Labels']}")
    version = next(line for line in (ROOT / "Cargo.toml").read_text().splitlines() if line.startswith("version"))
    expect(config["Labels"]["org.opencontainers.image.version"] == version.split('"')[1], "the label has another version than Cargo.toml")
    expect(config["Labels"]["org.opencontainers.image.revision"] == "tested", "the argument REVISION is lost")
    shells = {"sh", "bash", "dash", "busybox", "zsh", "apt", "apt-get", "dpkg"}
    found = [path for path in (runtime.work / "rootfs").rglob("*") if path.name in shells and "bin" in path.parent.name]
    expect(not found, f"the image has {found}")


def forgotten(runtime):
    """Production without a key: forgotten settings may not approve payments."""
    code = runtime.start("forgotten", runtime.config["Cmd"]).wait(timeout=10)
    said = runtime.log("forgotten")
    expect(code == 2 and "client_key_file" in said, f"it ended with {code}: {said}")


def sandbox(runtime):
    process = runtime.start("sandbox", runtime.config["Cmd"], ["QFPAY_SIDECAR_ENV=sandbox"])
    runtime.await_health("sandbox", process, runtime.config["Healthcheck"]["Test"][1:])
    pid = runtime.pid("sandbox")
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    expect(status["Uid"].split() == [str(runtime.user[0])] * 4 and int(status["CapBnd"], 16) == 0, f"it runs as {status['Uid']}")
    root = next(line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines() if line.split()[4] == "/")
    expect("ro" in root[5].split(","), f"its root can be written: {root}")

    def pay(amount):
        values = {"txamt": amount, "txcurrcd": "HKD", "pay_type": "800201", "out_trade_no": f"container-{amount}", "txdtm": "2026-01-31 12:00:00"}
        command = ["nsenter", "--target", str(pid), "--net", "curl", "-sS", "-m", "10", "http://127.0.0.1:8787/trade/v1/payment"]
        for name, value in values.items():
            command += ["--data-urlencode", f"{name}={value}"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    answer = pay("1200").communicate()[0]
    expect('"respcd": "0000"' in answer, f"payment: {answer}")
    slow = pay(SLOW)
    time.sleep(1)
    seconds = runtime.stop("sandbox", process)
    answer = slow.communicate()[0]
    expect('"respcd": "0000"' in answer, f"a payment in flight at SIGTERM: {answer}")
    expect(1 < seconds < 10, f"the drain took {seconds:.1f} s")


def secret(work, name, mode, owner):
    folder = work / f"secret-{name}"
    folder.mkdir(mode=0o755)
    (folder / "client_key").write_text(KEY)
    os.chown(folder / "client_key", *owner)
    os.chmod(folder / "client_key", mode)
    return folder


def kubernetes(runtime):
    """As the kubelet would start it: the Secret is root's, and readable by the group of `fsGroup`."""
    pod = yaml.safe_load((ROOT / "examples/deploy/kubernetes.yaml").read_text())["spec"]["template"]["spec"]
    container = pod["initContainers"][0]
    identity = container["securityContext"]
    expect([identity["runAsUser"], identity["runAsGroup"]] == runtime.user and pod["securityContext"]["fsGroup"] == 65532, "another user")
    variables = [APP_CODE] + [f"{entry['name']}={entry['value']}" for entry in container["env"] if "value" in entry]
    folder = secret(runtime.work, "kubernetes", 0o440, (0, pod["securityContext"]["fsGroup"]))
    mounts = [(container["volumeMounts"][0]["mountPath"], folder)]
    process = runtime.start("kubernetes", container["args"], variables, mounts)
    for probe in ("startupProbe", "readinessProbe"):
        runtime.await_health("kubernetes", process, container[probe]["exec"]["command"])
    runtime.stop("kubernetes", process)


def compose(runtime):
    """As compose mounts a secret's file: with the owner and mode that it has."""
    service = yaml.safe_load((ROOT / "examples/deploy/compose.yaml").read_text())["services"]["qfpay-sidecar"]
    expect(service["read_only"] and service["cap_drop"] == ["ALL"], "compose.yaml gives more than it needs")
    folder = secret(runtime.work, "compose", 0o400, runtime.user)
    mounts = [(f"/run/secrets/{service['secrets'][0]['source']}", folder / "client_key")]
    process = runtime.start("compose", service["command"], [APP_CODE], mounts)
    runtime.await_health("compose", process, runtime.config["Healthcheck"]["Test"][1:])
    runtime.stop("compose", process)


def main():
    action, work = sys.argv[1], Path(sys.argv[2])
    if action == "stop" and not (work / "image.json").exists():
        return
    runtime = Runtime(work)
    if action == "stop":
        return runtime.end_all()
    measure(work)
    look(runtime)
    for story in (forgotten, sandbox, kubernetes, compose):
        story(runtime)
    print(f"container: ran with a read-only root as user {runtime.config['User']}: paid in the sandbox, was probed, answered what was in")
    print("container: flight at SIGTERM and ended with 0; ran in production as the examples for Kubernetes and compose describe it")


sys.stdout.reconfigure(line_buffering=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
main()
