"""A shop's process that calls: shop.py UID HOST PORT SOCKET. Takes requests from its input, each behind its length in decimal
digits, and prints the status of each answer. Even batches go over TCP, odd ones over the unix socket; a connection that ends is
made anew, and what was not answered is sent again."""

import os
import re
import socket
import sys

BATCH = 40
uid, host, port, path = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
LAST = re.compile(rb"\r\nconnection: *close", re.I)


class Way:
    def __init__(self, unix):
        self.unix, self.socket, self.bytes = unix, None, b""

    def open(self):
        if self.socket is None:
            self.socket = socket.socket(socket.AF_UNIX if self.unix else socket.AF_INET)
            self.socket.settimeout(60)
            self.socket.connect(path if self.unix else (host, port))
            self.bytes = b""

    def close(self):
        self.socket.close()
        self.socket = None

    def answer(self):
        """The next answer's status; nothing where the connection ends before it."""
        while (end := self.bytes.find(b"\r\n\r\n")) < 0:
            if not self.more():
                return None
        head = self.bytes[:end]
        length = LENGTH.search(head)
        whole = end + 4 + (int(length.group(1)) if length else 0)
        while len(self.bytes) < whole:
            if not self.more():
                return None
        self.bytes = self.bytes[whole:]
        if LAST.search(head):
            self.close()
        return head[9:12].decode()

    def more(self):
        try:
            some = self.socket.recv(65536)
        except OSError:
            some = b""
        self.bytes += some
        return some != b""


def play(way, batch):
    fruitless = 0
    while batch:
        way.open()
        try:
            way.socket.sendall(b"".join(batch))
        except OSError:
            pass  # It may have been answered all the same.
        answered = 0
        while answered < len(batch) and way.socket is not None:
            status = way.answer()
            if status is None:
                way.close()
                break
            print(status)
            answered += 1
        fruitless = 0 if answered else fruitless + 1
        if fruitless == 5:
            sys.exit("no answer to: %r" % batch[0])
        batch = batch[answered:]


requests = []
while line := sys.stdin.buffer.readline():
    requests.append(sys.stdin.buffer.read(int(line)))
ways = [Way(False), Way(True)]
for number, start in enumerate(range(0, len(requests), BATCH)):
    play(ways[number % 2], requests[start : start + BATCH])
