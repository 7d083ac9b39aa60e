# Deep nesting by way of tuples, mappings and sets is no crash of the referee.
def f(x):
    value = ()
    for n in range(50_000):
        value = (value,) if n % 2 else {"k": value}
    return value
