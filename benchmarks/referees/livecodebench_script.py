"""Runs in the referees' environment, by path: programs and tests in, LiveCodeBench's verdicts out. Imports nothing of ours."""

import json
import os
import sys

SECONDS = 6


def main(asked: str, results: str) -> None:
    """Judge the cases of a file one at a time and write the words `pass` and `fail`, in order."""
    from livecodebench.evaluation.compute_code_generation_metrics import evaluate_generations

    with open(asked, encoding="utf-8") as file:
        cases = json.load(file)
    samples = [{"input_output": json.dumps(case["tests"])} for case in cases]
    verdicts, _ = evaluate_generations(samples, [[case["program"]] for case in cases], num_process_evaluate=1, timeout=SECONDS)
    # A test's result is True, False, or a negative number for one that could not be run or took too long.
    words = ["pass" if all(result is True or result == 1 for result in verdicts[index][0]) else "fail" for index in range(len(cases))]
    with open(f"{results}.tmp", "w", encoding="utf-8") as file:
        json.dump(words, file)
    os.replace(f"{results}.tmp", results)


if __name__ == "__main__":
    main(*sys.argv[1:])
