"""Becomes another program that can make no netlink socket, as below systemd's RestrictAddressFamilies: without_netlink.py PROGRAM..."""

import ctypes
import errno
import os
import platform
import struct
import sys

AF_NETLINK = 16
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUALS, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000
NUMBER, FIRST_ARGUMENT = 0, 16
socket_number = {"x86_64": 41, "aarch64": 198}[platform.machine()]

filters = [
    (LOAD, 0, 0, NUMBER),
    (EQUALS, 0, 3, socket_number),
    (LOAD, 0, 0, FIRST_ARGUMENT),
    (EQUALS, 0, 1, AF_NETLINK),
    (RETURN, 0, 0, ERROR | errno.EAFNOSUPPORT),
    (RETURN, 0, 0, ALLOW),
]
code = b"".join(struct.pack("HBBI", *each) for each in filters)
held = ctypes.create_string_buffer(code)
program = struct.pack("H6xQ", len(filters), ctypes.addressof(held))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
