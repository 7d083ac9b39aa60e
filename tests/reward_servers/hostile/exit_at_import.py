# Exit code 0 before any test is not a pass.
import os

os._exit(0)
