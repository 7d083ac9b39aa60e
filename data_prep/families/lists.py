"""Families that make a new list of numbers from a list of numbers."""

from __future__ import annotations

from random import Random

from data_prep.families.arguments import LONG, NUMBERS, REPEATS
from data_prep.families.draft import Draft
from data_prep.families.phrases import COMPARISONS, change, condition


def map_numbers(draw: Random) -> Draft:
    a, b = draw.randint(2, 9), draw.randint(1, 9)
    operator, verb = draw.choice((("+", "increased"), ("-", "decreased")))
    if draw.random() < 0.5:
        steps, code, name = (f"multiplied by {a}", f"{verb} by {b}"), f"x * {a} {operator} {b}", f"scale_then_{verb}"
    else:
        steps, code, name = (f"{verb} by {b}", f"multiplied by {a}"), f"(x {operator} {b}) * {a}", f"{verb}_then_scale"
    what = draw.choice(
        (f"the list of numbers, each {steps[0]} and then {steps[1]}", f"every number {steps[0]}, then {steps[1]}, as a list")
    )
    body = f"""
result = []
for x in numbers:
    result.append({code})
return result"""
    return Draft(name, what, body, (NUMBERS,))


def map_matching(draw: Random) -> Draft:
    wanted, first, second = condition(draw), change(draw), change(draw)
    what = draw.choice(
        (
            f"the list with each number that is {wanted.text} {first.text} and every other number {second.text}",
            f"the numbers, those that are {wanted.text} {first.text}, the rest {second.text}",
        )
    )
    body = f"""
result = []
for x in numbers:
    if {wanted.code}:
        result.append({first.code})
    else:
        result.append({second.code})
return result"""
    return Draft(f"change_{wanted.word}", what, body, (NUMBERS,))


def filter_numbers(draw: Random) -> Draft:
    wanted, changed = condition(draw, double=0.2), change(draw)
    if draw.random() < 0.5:
        each, code, name = "", "x", f"keep_{wanted.word}"
    else:
        each, code, name = f", each {changed.text}", changed.code, f"keep_{wanted.word}_{changed.word}"
    what = draw.choice((f"the list of numbers that are {wanted.text}{each}", f"only the numbers that are {wanted.text}{each}"))
    body = f"""
result = []
for x in numbers:
    if {wanted.code}:
        result.append({code})
return result"""
    return Draft(name, what, body, (NUMBERS,))


def clamp_numbers(draw: Random) -> Draft:
    low, high = draw.randint(0, 6), draw.randint(8, 19)
    kind = draw.choice(("clamp", "wrap"))
    below, above = (low, high) if kind == "clamp" else (high, low)
    what = draw.choice(
        (
            f"the list where numbers below {low} become {below} and numbers above {high} become {above}",
            f"the numbers with those less than {low} replaced by {below} and those greater than {high} by {above}",
        )
    )
    body = f"""
result = []
for x in numbers:
    if x < {low}:
        result.append({below})
    elif x > {high}:
        result.append({above})
    else:
        result.append(x)
return result"""
    return Draft(f"{kind}_numbers", what, body, (NUMBERS,))


def running_totals(draw: Random) -> Draft:
    wanted, start = condition(draw), draw.randint(0, 9)
    every = draw.random() < 0.5
    scope = "after every number" if every else "after each of these"
    what = draw.choice(
        (
            f"the running totals from {start} of the numbers that are {wanted.text}, noted {scope}",
            f"the list of sums so far of numbers that are {wanted.text}, starting at {start}, noted {scope}",
        )
    )
    pad = "    " if every else "        "
    body = f"""
total = {start}
result = []
for x in numbers:
    if {wanted.code}:
        total += x
{pad}result.append(total)
return result"""
    return Draft(f"running_{wanted.word}", what, body, (NUMBERS,))


def select_by_index(draw: Random) -> Draft:
    wanted, changed = condition(draw, "i"), change(draw)
    each, code = (f", each {changed.text}", changed.code) if draw.random() < 0.6 else ("", "x")
    what = draw.choice((f"the list of numbers whose index is {wanted.text}{each}", f"the numbers at indices that are {wanted.text}{each}"))
    body = f"""
result = []
for i, x in enumerate(numbers):
    if {wanted.code}:
        result.append({code})
return result"""
    return Draft(f"at_{wanted.word}", what, body, (LONG,))


def chunk_numbers(draw: Random) -> Draft:
    size, wanted = draw.randint(2, 5), condition(draw, "value")
    measure, code = draw.choice((("sum", "sum"), ("largest number", "max"), ("smallest number", "min")))
    what = draw.choice(
        (
            f"the {measure} of each block of {size} numbers, where it is {wanted.text}",
            f"the list with the {measure} of every {size} numbers, only where it is {wanted.text}",
        )
    )
    body = f"""
result = []
for i in range(0, len(numbers), {size}):
    value = {code}(numbers[i:i + {size}])
    if {wanted.code}:
        result.append(value)
return result"""
    return Draft(f"block_{code}_{wanted.word}", what, body, (LONG,))


def frequent_numbers(draw: Random) -> Draft:
    wanted = condition(draw)
    text, operator, word = draw.choice((*COMPARISONS, ("exactly", "==", "equal")))
    times = draw.randint(2, 4)
    what = draw.choice(
        (
            f"the distinct numbers that are {wanted.text} and occur {text} {times} times",
            f"the different numbers, in order, that are {wanted.text} and whose count is {text} {times}",
        )
    )
    what = what.replace("occur greater", "occur more").replace("occur less", "occur fewer").replace("is exactly", "equals")
    body = f"""
counts = {{}}
for x in numbers:
    counts[x] = counts.get(x, 0) + 1
return [x for x in counts if counts[x] {operator} {times} and {wanted.code}]"""
    return Draft(f"counted_{word}_{wanted.word}", what, body, (REPEATS,))


def drop_repeats(draw: Random) -> Draft:
    wanted, only = condition(draw, lowest=-4, highest=12), draw.random() < 0.5
    if only:
        what = draw.choice(
            (
                f"the distinct numbers that are {wanted.text}, in order",
                f"the numbers that are {wanted.text}, in order, without repeats",
            )
        )
        test = f"{wanted.code} and x not in result"
    else:
        what = draw.choice(
            (
                f"all numbers in order, but each that is {wanted.text} only if it is not in the result yet",
                f"the numbers without the repeats of those that are {wanted.text}",
            )
        )
        test = f"x not in result or not {wanted.code}"
    body = f"""
result = []
for x in numbers:
    if {test}:
        result.append(x)
return result"""
    return Draft(f"distinct_{wanted.word}", what, body, (REPEATS,))
