# A list that contains itself cannot cross and is a failure.
def f(x):
    result = []
    result.append(result)
    return result
