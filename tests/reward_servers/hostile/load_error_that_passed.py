# A program's process says how it failed, never that it passed.
import os

os.write(200, b'["load_error","passed",""]\n')
os._exit(0)
