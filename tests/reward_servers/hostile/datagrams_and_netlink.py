# No family of sockets opens a way out.
import os
import socket

for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, 38, 40):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            line = socket.socket(family, kind)
            if family in (socket.AF_INET, socket.AF_INET6):
                line.connect(("127.0.0.1", 1) if family == socket.AF_INET else ("::1", 1))
                os._exit(99)
        except OSError:
            continue


def f(x):
    return None
