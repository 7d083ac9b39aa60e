# An exception whose class claims to be every exception is a failure.
class Meta(type):
    __instancecheck__ = __subclasscheck__ = lambda *_: True


class Claim(BaseException, metaclass=Meta):
    def __eq__(*_):
        return True

    __hash__ = None


def f(x):
    raise Claim
