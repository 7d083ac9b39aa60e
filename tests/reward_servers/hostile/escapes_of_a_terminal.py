# Control characters, half characters and bytes that are no text reach nobody's terminal as they are.
import sys

sys.stdout.buffer.write(b"\x1b]0;owned\x07\x1b[2J\xff\xfe\x00\r\n" * 200)
sys.stdout.flush()


def f(x):
    raise ValueError("\x1b[31m\ud800\x00")
