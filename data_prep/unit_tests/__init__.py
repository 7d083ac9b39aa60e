"""Generated unit tests: written by a model, run against candidate programs, judged by what they tell of them.

    samples ── run on every candidate ──► a results matrix per problem ──► code_reward.selection
       │
       └────── run on the reference, repaired, filtered ──► training data for a generator

A *sample* (`sample.TestSample`) is what a generator wrote in one go: a `unittest` class (CodeRM-8B) or a few assertions (CodeT).
"""
