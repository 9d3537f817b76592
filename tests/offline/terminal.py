"""Runs a program on a terminal of its own and prints what it shows: terminal.py COLUMNS UNTIL PROGRAM ARGUMENT...

Sends SIGTERM once the output holds UNTIL at the beginning of a line.
"""

import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios

columns, until, program = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    os.execv(program[0], program)
shown, told = b"", False
while True:
    try:
        more = os.read(terminal, 65536)
    except OSError:  # The other end is closed.
        break
    if not more:
        break
    shown += more
    if not told and re.search(rb"\n *" + until + rb".*\n", shown):
        os.kill(child, signal.SIGTERM)
        told = True
os.waitpid(child, 0)
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
