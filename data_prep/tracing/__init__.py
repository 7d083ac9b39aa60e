"""What a program does when it is run: traces for judges to read, made without any language model and without changing what is computed.

`instrument` writes calls of a recorder into a program's text; the sandbox runs it (`trace_calls`); a `Trace` is what came of it, cut to a
budget that keeps the beginning, the end and the failure. `run_log` is the published way, where a language model has added prints. No
program is ever run in this process.
"""

from data_prep.tracing.instrument import Instrumented, Site, Untraceable, instrument
from data_prep.tracing.log import run_log
from data_prep.tracing.run import Call, evaluate_calls, trace_calls
from data_prep.tracing.trace import CallRecord, Trace

__all__ = ["Call", "CallRecord", "Instrumented", "Site", "Trace", "Untraceable", "evaluate_calls", "instrument", "run_log", "trace_calls"]
