"""Another user's shop: other_user.py UID PATH asks at a unix socket until it is let in or told to stop.

Prints "connected", "refused" (there is a socket that it may not use) or "absent", and the answer's first line.
Without a third argument it tries once; with "until-refused" it tries from before the socket exists until it is refused.
"""

import os
import socket
import sys
import time

os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
watching = sys.argv[3:] == ["until-refused"]
print("begun", flush=True)
deadline = time.monotonic() + 20
while time.monotonic() < deadline:
    shop = socket.socket(socket.AF_UNIX)
    try:
        shop.connect(sys.argv[2])
    except PermissionError:
        print("refused")
        break
    # Bound, and not listening yet, or not there yet.
    except (FileNotFoundError, ConnectionRefusedError):
        if watching:
            continue
        print("absent")
        break
    shop.sendall(b"GET /sidecar/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    print("connected", shop.makefile("rb").readline().decode().strip())
    break
