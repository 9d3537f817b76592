"""What walk.py and attack.py share beside the browser: steps with a line each, and processes that are stopped."""

import signal
import subprocess
import sys
import time
import traceback


def run(kind, steps):
    """Runs (name, step) pairs, prints a line for each with what the step returned, and exits 1 if one failed."""
    # Ends by way of the context managers of the steps, which stop what they started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = False
    for name, step in steps:
        start = time.monotonic()
        try:
            said = step()
            figures = [said] if said else []
            figures.append(f"{time.monotonic() - start:.1f} s")
            print(f"ok {kind} {name} ({', '.join(figures)})", flush=True)
        except Exception:
            print(f"not ok {kind} {name}", flush=True)
            traceback.print_exc()
            failed = True
    sys.exit(failed)


def stop(process):
    """SIGTERM, ten seconds to end, then SIGKILL."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
