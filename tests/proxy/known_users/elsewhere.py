"""Listens in a network namespace of its own, leaves it, and becomes another program: elsewhere.py FOLDER PROGRAM...

The program is passed the socket as systemd does it; `ADDRESS` in its arguments becomes the socket's address. FOLDER/inside
holds the number of a process that stays in that namespace.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

folder, program = sys.argv[1], sys.argv[2:]
libc = ctypes.CDLL(None, use_errno=True)
outside = os.open("/proc/self/ns/net", os.O_RDONLY)
assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
with socket.socket() as any_socket:
    loopback = struct.pack("16sh14x", b"lo", 0)
    flags = struct.unpack_from("h", fcntl.ioctl(any_socket, SIOCGIFFLAGS, loopback), 16)[0]
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
listening = socket.create_server(("127.0.0.1", 0))
ended, held = os.pipe()
inside = os.fork()
if inside == 0:
    os.close(held)
    listening.close()
    # Until the program has ended.
    os.read(ended, 1)
    os._exit(0)
with open(f"{folder}/inside", "w") as file:
    file.write(str(inside))
assert libc.setns(outside, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
os.set_inheritable(held, True)
address = "%s:%s" % listening.getsockname()
if listening.fileno() != 3:
    os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
arguments = [argument.replace("ADDRESS", address) for argument in program]
os.execve(program[0], arguments, {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
