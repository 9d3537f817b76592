"""Listens on a unix socket as systemd does for a socket unit, and becomes another program: passed.py PATH PROGRAM..."""

import os
import socket
import sys

path, program = sys.argv[1], sys.argv[2:]
listening = socket.socket(socket.AF_UNIX)
listening.bind(path)
listening.listen(64)
if listening.fileno() != 3:
    os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.execve(program[0], program, {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
