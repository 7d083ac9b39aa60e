# Work inside one call of C code, which no signal handler interrupts, ends at the limits.
import decimal


def f(x):
    return len(str(9**9**7)) + decimal.Decimal(2) ** 10**9
