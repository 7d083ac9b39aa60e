"""Families about one or two integers: digits, ranges, divisors, steps, recurrences, cases."""

from __future__ import annotations

from random import Random

from data_prep.families.arguments import DIGITS, HIGH, INTEGER, LOW, TERM, N
from data_prep.families.draft import Draft
from data_prep.families.phrases import change, condition


def fold_digits(draw: Random) -> Draft:
    wanted = condition(draw, "d", lowest=1, highest=8)
    aim, start, step, name = draw.choice(
        (
            ("the sum of the digits of n", 0, "+= d", "sum"),
            ("the number of digits of n", 0, "+= 1", "count"),
            ("the product of the digits of n", 1, "*= d", "product"),
            ("the sum of the squares of the digits of n", 0, "+= d * d", "squares"),
        )
    )
    what = f"{aim} {draw.choice(('that are', 'which are'))} {wanted.text}"
    body = f"""
total = {start}
while n > 0:
    d = n % 10
    if {wanted.code}:
        total {step}
    n //= 10
return total"""
    return Draft(f"{name}_digits_{wanted.word}", what, body, (DIGITS,))


def sum_range(draw: Random) -> Draft:
    start, step = draw.randint(1, 5), draw.choice((1, 1, 2, 3, 4))
    changed, until = change(draw, "i"), draw.random() < 0.5
    stop = "n + 1" if until else "n"
    bound = "up to n" if until else "below n"
    by = "" if step == 1 else f" in steps of {step}"
    what = draw.choice(
        (
            f"the sum of the numbers from {start} {bound}{by}, each {changed.text}",
            f"the total over {start} {bound}{by} of each number {changed.text}",
        )
    )
    arguments = f"{start}, {stop}" if step == 1 else f"{start}, {stop}, {step}"
    body = f"""
total = 0
for i in range({arguments}):
    total += {changed.code}
return total"""
    return Draft(f"sum_range_{changed.word}", what, body, (N,))


def count_between(draw: Random) -> Draft:
    wanted = condition(draw, "i", highest=20, double=0.4)
    aim, step, name = draw.choice((("how many numbers", "1", "count"), ("the sum of the numbers", "i", "sum")))
    last, bound = draw.choice((("high + 1", "both included"), ("high", "high left out")))
    verb = "are" if name == "count" else "that are"
    what = f"{aim} from low to high ({bound}) {verb} {wanted.text}"
    body = f"""
total = 0
for i in range(low, {last}):
    if {wanted.code}:
        total += {step}
return total"""
    return Draft(f"{name}_between_{wanted.word}", what, body, (LOW, HIGH))


def fold_divisors(draw: Random) -> Draft:
    wanted = condition(draw, "i", lowest=1)
    aim, step, name = draw.choice((("the number of divisors of n", "1", "count"), ("the sum of the divisors of n", "i", "sum")))
    whole = draw.random() < 0.5
    stop, scope = ("n + 1", "") if whole else ("n", ", without n itself")
    what = f"{aim} {draw.choice(('that are', 'which are'))} {wanted.text}{scope}"
    test = f"n % i == 0 and {wanted.code}"
    body = f"""
total = 0
for i in range(1, {stop}):
    if {test}:
        total += {step}
return total"""
    return Draft(f"{name}_divisors_{wanted.word}", what, body, (N,))


def shrink_number(draw: Random) -> Draft:
    limit, divisor, less = draw.randint(1, 9), draw.randint(2, 5), draw.randint(1, 5)
    aim, start, step, name = draw.choice(
        (
            ("the number of steps", 0, "steps += 1", "steps_to"),
            ("the sum of the values before each step", 0, "steps += n", "path_to"),
        )
    )
    what = draw.choice(
        (
            f"{aim} while n is greater than {limit}: divide n by {divisor} if divisible, else subtract {less}",
            f"{aim} until n is at most {limit}, when a step divides by {divisor} if it can and else takes {less} away",
        )
    )
    body = f"""
steps = {start}
while n > {limit}:
    {step}
    if n % {divisor} == 0:
        n //= {divisor}
    else:
        n -= {less}
return steps"""
    return Draft(f"{name}_limit", what, body, (N,))


def grow_number(draw: Random) -> Draft:
    start, factor, more = draw.randint(1, 9), draw.randint(2, 5), draw.randint(1, 9)
    operator, verb, sign = draw.choice((("+", "adding", "plus"), ("-", "subtracting", "minus")))
    limit = draw.choice((20, 50, 100))
    what = draw.choice(
        (
            f"{start} after n rounds of multiplying by {factor} and {verb} {more}, stopping early above {limit}",
            f"the value that starts at {start} and n times becomes {factor} times itself {sign} {more}, until above {limit}",
        )
    )
    body = f"""
value = {start}
for i in range(n):
    if value > {limit}:
        break
    value = value * {factor} {operator} {more}
return value"""
    return Draft("grow_number", what, body, (TERM,))


def next_terms(draw: Random) -> Draft:
    first, second, p, q = draw.randint(0, 5), draw.randint(1, 6), draw.randint(1, 4), draw.randint(1, 4)
    scaled = [f"{name}" if k == 1 else f"{k} times {name}" for k, name in ((p, "the last term"), (q, "the one before"))]
    codes = [name if k == 1 else f"{k} * {name}" for k, name in ((p, "b"), (q, "a"))]
    operator, verb = draw.choice(((" + ", "plus"), (" - ", "minus")))
    what = draw.choice(
        (
            f"term n (from 0) of the sequence {first}, {second} where the next term is {scaled[0]} {verb} {scaled[1]}",
            f"the term with index n of the sequence that starts {first}, {second} and goes on with {scaled[0]} {verb} {scaled[1]}",
        )
    )
    body = f"""
a = {first}
b = {second}
for i in range(n):
    c = {codes[0]}{operator}{codes[1]}
    a = b
    b = c
return a"""
    return Draft("sequence_term", what, body, (TERM,))


_LABELS = ("red", "blue", "green", "small", "big", "low", "high", "yes", "no", "left", "right")


def classify_number(draw: Random) -> Draft:
    first, second = condition(draw, "n"), condition(draw, "n")
    while second.code == first.code:
        second = condition(draw, "n")
    one, two, three = draw.sample(_LABELS, 3)
    what = draw.choice(
        (
            f"'{one}' if n is {first.text}, otherwise '{two}' if n is {second.text}, otherwise '{three}'",
            f"'{one}' when n is {first.text}, else '{two}' when n is {second.text}, else '{three}'",
        )
    )
    body = f"""
if {first.code}:
    return '{one}'
if {second.code}:
    return '{two}'
return '{three}'"""
    return Draft(f"classify_{first.word}", what, body, (INTEGER,))


def apply_cases(draw: Random) -> Draft:
    first = condition(draw, "n", double=0.3)
    changes = [change(draw, "n") for _ in range(2)]
    while changes[1].code == changes[0].code:
        changes[1] = change(draw, "n")
    what = draw.choice(
        (
            f"n {changes[0].text} if n is {first.text}, otherwise n {changes[1].text}",
            f"n {changes[0].text} when it is {first.text}, else n {changes[1].text}",
        )
    )
    body = f"""
if {first.code}:
    return {changes[0].code}
return {changes[1].code}"""
    return Draft(f"apply_{first.word}", what, body, (INTEGER,))
