"""Families about strings: their characters and their words."""

from __future__ import annotations

from random import Random

from data_prep.families.arguments import SENTENCE, TEXT
from data_prep.families.draft import Draft
from data_prep.families.phrases import Words, comparison

_LETTERS = "abdekmnorstxz"


def _characters(draw: Random) -> Words:
    letters = "".join(sorted(draw.sample(_LETTERS, draw.choice((1, 2, 2)))))
    listed = " or ".join(f"'{letter}'" for letter in letters)
    one = f"c == '{letters}'" if len(letters) == 1 else f"c in '{letters}'"
    not_one = f"c != '{letters}'" if len(letters) == 1 else f"c not in '{letters}'"
    return draw.choice(
        (
            Words("a vowel", "c in 'aeiou'", "vowels"),
            Words("not a vowel", "c not in 'aeiou'", "others"),
            Words("a digit", "c.isdigit()", "digits"),
            Words("a capital letter", "c.isupper()", "capitals"),
            Words("a space", "c == ' '", "spaces"),
            *(Words(listed, one, "letters"), Words(f"not {listed}", not_one, "others")) * 3,
        )
    )


def count_characters(draw: Random) -> Draft:
    wanted = _characters(draw)
    weight, start = draw.choice((1, 1, 2, 3, 5)), draw.choice((0, 0, 0, 1, 10))
    points = "point" if weight == 1 else "points"
    what = draw.choice(
        (
            f"{start} plus {weight} for each character that is {wanted.text}",
            f"the score that starts at {start} and gets {weight} {points} per character that is {wanted.text}",
        )
    )
    if (start, weight) == (0, 1):
        what = draw.choice((f"how many characters are {wanted.text}", f"the count of characters in the text that are {wanted.text}"))
    body = f"""
count = {start}
for c in text:
    if {wanted.code}:
        count += {weight}
return count"""
    return Draft(f"count_{wanted.word}", what, body, (TEXT,))


def replace_characters(draw: Random) -> Draft:
    wanted = _characters(draw)
    new = draw.choice(("*", "-", "_", "#", *_LETTERS))
    action, code = draw.choice(
        (
            (f"replaced by '{new}'", f"'{new}'"),
            (f"replaced by '{new}'", f"'{new}'"),
            ("doubled", "c + c"),
            (f"followed by '{new}'", f"c + '{new}'"),
        )
    )
    what = draw.choice(
        (
            f"the text with each character that is {wanted.text} {action}",
            f"a copy of the text where every character that is {wanted.text} is {action}",
        )
    )
    body = f"""
result = ''
for c in text:
    if {wanted.code}:
        result += {code}
    else:
        result += c
return result"""
    return Draft(f"replace_{wanted.word}", what, body, (TEXT,))


def find_character(draw: Random) -> Draft:
    wanted, nth = _characters(draw), draw.randint(1, 4)
    ordinal = ("first", "second", "third", "fourth")[nth - 1]
    none = draw.choice(("-1", "None"))
    what = draw.choice(
        (
            f"the index of the {ordinal} character that is {wanted.text}, or {none} if there is none",
            f"where the {ordinal} character that is {wanted.text} stands (index from 0), else {none}",
        )
    )
    body = f"""
count = 0
for i, c in enumerate(text):
    if {wanted.code}:
        count += 1
        if count == {nth}:
            return i
return {none}"""
    return Draft(f"{ordinal}_of_{wanted.word}", what, body, (TEXT,))


def _word_condition(draw: Random) -> Words:
    letter = draw.choice(_LETTERS)
    size = comparison(draw, "len(word)", 2, 6)
    length = size.text.replace("greater than", "more than").replace("less than", "fewer than")
    return draw.choice(
        (
            Words(f"that have {length} letters", size.code, size.word),
            Words(f"that start with '{letter}'", f"word[0] == '{letter}'", "start"),
            Words(f"that end with '{letter}'", f"word[-1] == '{letter}'", "end"),
            Words(f"that contain '{letter}'", f"'{letter}' in word", "contain"),
        )
    )


def change_words(draw: Random) -> Draft:
    wanted = _word_condition(draw)
    action, code, name = draw.choice(
        (
            ("reversed", "word[::-1]", "reverse"),
            ("in capitals", "word.upper()", "upper"),
            ("doubled", "word + word", "double"),
            ("cut to the first letter", "word[0]", "initial"),
            ("without the first letter", "word[1:]", "behead"),
        )
    )
    what = draw.choice(
        (
            f"the list of words of the text with those {wanted.text} {action}",
            f"the words of the text as a list, the ones {wanted.text} {action}",
        )
    )
    body = f"""
result = []
for word in text.split():
    if {wanted.code}:
        result.append({code})
    else:
        result.append(word)
return result"""
    return Draft(f"{name}_{wanted.word}", what, body, (SENTENCE,))


def measure_words(draw: Random) -> Draft:
    wanted = _word_condition(draw)
    aim, again, step, name = draw.choice(
        (
            ("how many words there are", "the count of words", "1", "count"),
            ("the total length of the words", "the summed lengths of all words", "len(word)", "length"),
            ("how many times 'e' occurs in the words", "how often 'e' occurs in the words", "word.count('e')", "count_e"),
            ("how many times 'a' occurs in the words", "how often 'a' occurs in the words", "word.count('a')", "count_a"),
        )
    )
    what = f"{draw.choice((aim, again))} {wanted.text}"
    body = f"""
total = 0
for word in text.split():
    if {wanted.code}:
        total += {step}
return total"""
    return Draft(f"{name}_{wanted.word}", what, body, (SENTENCE,))
