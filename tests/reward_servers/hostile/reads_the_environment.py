# No variable of the host's environment is visible.
import os


def f(x):
    return sorted(set(os.environ) - {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "LD_BIND_NOW", "PYTHONHASHSEED", "OPENBLAS_NUM_THREADS"})
