"""A process of another user that calls: client.py UID MODE HOST PORT [SOURCE_HOST SOURCE_PORT]. Prints what it is answered."""

import os
import socket
import struct
import sys
import threading
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
uid, mode, host, port = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
source = (sys.argv[5], int(sys.argv[6])) if len(sys.argv) > 5 else None
if uid != os.getuid():
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def connect():
    if host.startswith("/"):
        client = socket.socket(socket.AF_UNIX)
        client.connect(host)
        return client
    ipv6 = ":" in host
    client = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET)
    client.settimeout(20)
    if source:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            client.bind(source)
        except OSError:
            # Another process has the port.
            print(0, flush=True)
            sys.exit()
    client.connect((host, port))
    return client


def answer(client):
    text = b""
    while more := client.recv(65536):
        text += more
    print(text.partition(b"\r\n\r\n")[2].decode(), flush=True)


def forward():
    entry = socket.create_server(("127.0.0.1", 0))
    print(entry.getsockname()[1], flush=True)
    caller, _ = entry.accept()
    onward = connect()

    def copy(origin, target):
        while some := origin.recv(65536):
            target.sendall(some)
        target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=copy, args=(onward, caller))
    back.start()
    copy(caller, onward)
    back.join()


if mode == "forward":
    forward()
    sys.exit()
client = connect()
print(client.getsockname()[1] if client.family != socket.AF_UNIX else 0, flush=True)
if mode == "hold":
    # Connected, and says nothing until it is told to.
    sys.stdin.readline()
client.sendall(REQUEST)
if mode == "half":
    client.shutdown(socket.SHUT_WR)
if mode == "close":
    client.close()
elif mode == "reset":
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
else:
    answer(client)
