"""Prompts for reinforcement learning: problems of any source as slime's prompt data, filtered, without doubles and without benchmarks.

    python -m data_prep.prompts kodcode --path kodcode.parquet --out prompts.jsonl --against HumanEval.jsonl

Every row that does not get in is counted with its reason in a report beside the prompts. The same input and seed give the same bytes.
"""
