# No socket can be opened, not even to this machine.
import socket


def f(x):
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        try:
            socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue
        return "a socket"
    return None
