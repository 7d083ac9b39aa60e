"""Families that go through a list of numbers and come back with one value."""

from __future__ import annotations

from random import Random

from data_prep.families.arguments import NUMBERS
from data_prep.families.draft import Draft
from data_prep.families.phrases import change, condition


def count_matching(draw: Random) -> Draft:
    wanted = condition(draw, double=0.5)
    what = draw.choice((f"how many numbers are {wanted.text}", f"the count of numbers that are {wanted.text}"))
    body = f"""
count = 0
for x in numbers:
    if {wanted.code}:
        count += 1
return count"""
    return Draft(f"count_{wanted.word}", what, body, (NUMBERS,))


def sum_matching(draw: Random) -> Draft:
    wanted, changed = condition(draw), change(draw)
    what = draw.choice(
        (
            f"the sum of the numbers that are {wanted.text}, each {changed.text}",
            f"the total of all numbers that are {wanted.text}, each {changed.text} first",
        )
    )
    body = f"""
total = 0
for x in numbers:
    if {wanted.code}:
        total += {changed.code}
return total"""
    return Draft(f"sum_{changed.word}_{wanted.word}", what, body, (NUMBERS,))


def multiply_matching(draw: Random) -> Draft:
    wanted, start = condition(draw, double=0.3), draw.choice((1, 1, 2, 3, 5, 10))
    origin = "" if start == 1 else f", times {start}"
    what = draw.choice(
        (f"the product of the numbers that are {wanted.text}{origin}", f"all numbers that are {wanted.text} multiplied together{origin}")
    )
    body = f"""
product = {start}
for x in numbers:
    if {wanted.code}:
        product *= x
return product"""
    return Draft(f"multiply_{wanted.word}", what, body, (NUMBERS,))


def best_matching(draw: Random) -> Draft:
    wanted = condition(draw)
    extreme, operator = draw.choice((("largest", ">"), ("smallest", "<")))
    none = draw.choice((None, None, 0, -1))
    what = draw.choice(
        (
            f"the {extreme} number that is {wanted.text}, or {none} if there is none",
            f"the {extreme} of the numbers that are {wanted.text} ({none} if there are none)",
        )
    )
    otherwise = "" if none is None else f"if best is None:\n    return {none}"
    body = f"""
best = None
for x in numbers:
    if {wanted.code} and (best is None or x {operator} best):
        best = x
{otherwise}
return best"""
    return Draft(f"{extreme}_{wanted.word}", what, body, (NUMBERS,))


def index_matching(draw: Random) -> Draft:
    wanted, none = condition(draw, double=0.3), draw.choice((-1, -1, None))
    first = draw.random() < 0.5
    place = "first" if first else "last"
    what = draw.choice(
        (
            f"the index of the {place} number that is {wanted.text}, or {none} if there is none",
            f"the position (from 0) of the {place} number that is {wanted.text}, else {none}",
        )
    )
    if first:
        body = f"""
for i, x in enumerate(numbers):
    if {wanted.code}:
        return i
return {none}"""
    else:
        body = f"""
index = {none}
for i, x in enumerate(numbers):
    if {wanted.code}:
        index = i
return index"""
    return Draft(f"{place}_index_{wanted.word}", what, body, (NUMBERS,))


def longest_streak(draw: Random) -> Draft:
    wanted = condition(draw, double=0.4)
    what = draw.choice(
        (
            f"the length of the longest run of neighbours that are all {wanted.text}",
            f"the most numbers in a row that are {wanted.text}",
        )
    )
    body = f"""
best = 0
run = 0
for x in numbers:
    if {wanted.code}:
        run += 1
        best = max(best, run)
    else:
        run = 0
return best"""
    return Draft(f"streak_{wanted.word}", what, body, (NUMBERS,))


def add_or_subtract(draw: Random) -> Draft:
    wanted, start = condition(draw), draw.randint(0, 9)
    plus, minus = ("+=", "-=") if draw.random() < 0.5 else ("-=", "+=")
    verbs = ("adding", "subtracting") if plus == "+=" else ("subtracting", "adding")
    what = draw.choice(
        (
            f"{start} after {verbs[0]} each number that is {wanted.text} and {verbs[1]} every other number",
            f"the total from {start}, {verbs[0]} the numbers that are {wanted.text} and {verbs[1]} the rest",
        )
    )
    body = f"""
total = {start}
for x in numbers:
    if {wanted.code}:
        total {plus} x
    else:
        total {minus} x
return total"""
    return Draft(f"balance_{wanted.word}", what, body, (NUMBERS,))
