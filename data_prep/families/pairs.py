"""Families about two numbers at a time: pairs within a list, neighbours, two lists side by side, rows of a table."""

from __future__ import annotations

from random import Random

from data_prep.families.arguments import LEFT, NUMBERS, RIGHT, ROWS
from data_prep.families.draft import Draft
from data_prep.families.phrases import combination, comparison, condition

_SIDES = ("left", "right")


def count_pairs(draw: Random) -> Draft:
    made = combination(draw, "numbers[i]", "numbers[j]")
    wanted = condition(draw, "value", highest=15)
    what = draw.choice(
        (
            f"how many pairs of numbers have a {made.text} that is {wanted.text}",
            f"the count of pairs, first before second, whose {made.text} is {wanted.text}",
        )
    )
    body = f"""
count = 0
for i in range(len(numbers)):
    for j in range(i + 1, len(numbers)):
        value = {made.code}
        if {wanted.code}:
            count += 1
return count"""
    return Draft(f"pairs_{made.word}_{wanted.word}", what, body, (NUMBERS,))


def count_neighbours(draw: Random) -> Draft:
    gap = draw.choice((1, 1, 2, 3))
    made = combination(draw, "numbers[i]", f"numbers[i + {gap}]")
    wanted = comparison(draw, "value", 0, 9)
    apart = "neighbours" if gap == 1 else f"numbers {gap} places apart"
    what = draw.choice(
        (
            f"how many times two {apart} have a {made.text} that is {wanted.text}",
            f"the count of pairs of {apart} whose {made.text} is {wanted.text}",
        )
    )
    body = f"""
count = 0
for i in range(len(numbers) - {gap}):
    value = {made.code}
    if {wanted.code}:
        count += 1
return count"""
    return Draft(f"neighbours_{made.word}_{wanted.word}", what, body, (NUMBERS,))


def merge_lists(draw: Random) -> Draft:
    side, value = draw.choice((("left", "x"), ("right", "y")))
    wanted = condition(draw, value)
    first, second = combination(draw, "x", "y", _SIDES), combination(draw, "x", "y", _SIDES)
    while second.code == first.code:
        second = combination(draw, "x", "y", _SIDES)
    what = draw.choice(
        (
            f"a list with, for each position, the {first.text} where the {side} number is {wanted.text}, else the {second.text}",
            f"both lists merged by position: the {first.text} if the {side} number is {wanted.text}, otherwise the {second.text}",
        )
    )
    body = f"""
result = []
for x, y in zip(left, right):
    if {wanted.code}:
        result.append({first.code})
    else:
        result.append({second.code})
return result"""
    return Draft(f"merge_{first.word}_{second.word}", what, body, (LEFT, RIGHT))


def compare_lists(draw: Random) -> Draft:
    tested, taken = combination(draw, "x", "y", _SIDES), combination(draw, "x", "y", _SIDES)
    wanted = condition(draw, "value")
    if draw.random() < 0.4:
        aims, step, name = ("the number of positions", "how many positions there are"), "1", "count"
    else:
        aims, step, name = (f"the {taken.text}, added up over the positions",) * 2, taken.code, f"total_{taken.word}"
    what = draw.choice(
        (
            f"{aims[0]} where the {tested.text} of left and right is {wanted.text}",
            f"{aims[1]} at which left and right have a {tested.text} that is {wanted.text}",
        )
    )
    body = f"""
total = 0
for x, y in zip(left, right):
    value = {tested.code}
    if {wanted.code}:
        total += {step}
return total"""
    return Draft(f"{name}_{tested.word}_{wanted.word}", what, body, (LEFT, RIGHT))


def measure_rows(draw: Random) -> Draft:
    measure, code = draw.choice(
        (("sum", "sum(row)"), ("largest number", "max(row)"), ("smallest number", "min(row)"), ("length", "len(row)"))
    )
    wanted = condition(draw, code, lowest=1, highest=4) if measure == "length" else condition(draw, code)
    aim, step, name = draw.choice(
        (
            ("the number of rows", "1", "count_rows"),
            ("the total of the first numbers of rows", "row[0]", "sum_first"),
            ("the total of the last numbers of rows", "row[-1]", "sum_last"),
            ("the total of all numbers in rows", "sum(row)", "sum_rows"),
        )
    )
    what = draw.choice((f"{aim} whose {measure} is {wanted.text}", f"{aim} with a {measure} that is {wanted.text}"))
    body = f"""
total = 0
for row in rows:
    if {wanted.code}:
        total += {step}
return total"""
    return Draft(f"{name}_{wanted.word}", what, body, (ROWS,))
