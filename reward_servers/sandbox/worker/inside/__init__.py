"""What runs where programs run: the zygote and its forks.

Every object that lives here is copied when a fork touches it, so little is imported (no `dataclasses`, `ast`, `tempfile`) and the ways
through which each fork goes are rehearsed once in the zygote.
"""
