# A result that produces items without end is not read without end.
class Items(list):
    def __iter__(self):
        while True:
            yield 9

    def __len__(self):
        return 1


def f(x):
    return Items([9])
