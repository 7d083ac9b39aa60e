"""What is put around programs, by a process that sees neither a program nor a test: the zygote, the layers, what each fork adds.

Every object that lives here is copied when a fork touches it, so little is imported (no `dataclasses`, `ast`, `tempfile`) and the ways
through which each fork goes are rehearsed once in the zygote.
"""
