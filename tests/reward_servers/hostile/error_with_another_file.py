# An error that names a file of the host for its source does not have it read.
def f(x):
    raise SyntaxError("look", ("/etc/passwd", 1, 1, None))
