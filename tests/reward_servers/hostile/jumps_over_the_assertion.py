# A tracer that moves the test's line number past its assertion does not pass.
import sys


def tracer(frame, event, argument):
    if event == "line":
        for step in (1, 2):
            try:
                frame.f_lineno += step
            except ValueError:
                continue
    return tracer


def f(x):
    sys.settrace(tracer)
    frame = sys._getframe()
    while frame is not None:
        frame.f_trace = tracer
        frame = frame.f_back
    return
