# A kind that nobody knows is the program's failure; the worker goes on.
import os

os.write(200, b'["load_error","nonsense",""]\n')
os._exit(0)
