"""What asks for the shims: Python imports this module at its start wherever this folder is on `PYTHONPATH`, so also in the child processes
of Ray and SGLang, whose start nobody else can reach."""

from slime_on_cpu import shims

shims.install()
