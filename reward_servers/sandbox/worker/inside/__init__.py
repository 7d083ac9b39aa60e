"""What runs in a program's own process, beside it. Nobody believes a word of it: it is the program that may be talking."""
