"""`FAMILIES`: every family by name."""

from __future__ import annotations

from data_prep.families import integers, lists, pairs, reductions, texts
from data_prep.families.draft import Family

FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        reductions.count_matching,
        reductions.sum_matching,
        reductions.multiply_matching,
        reductions.best_matching,
        reductions.index_matching,
        reductions.longest_streak,
        reductions.add_or_subtract,
        lists.map_numbers,
        lists.map_matching,
        lists.filter_numbers,
        lists.clamp_numbers,
        lists.running_totals,
        lists.select_by_index,
        lists.chunk_numbers,
        lists.frequent_numbers,
        lists.drop_repeats,
        pairs.count_pairs,
        pairs.count_neighbours,
        pairs.merge_lists,
        pairs.compare_lists,
        pairs.measure_rows,
        texts.count_characters,
        texts.replace_characters,
        texts.find_character,
        texts.change_words,
        texts.measure_words,
        integers.fold_digits,
        integers.sum_range,
        integers.count_between,
        integers.fold_divisors,
        integers.shrink_number,
        integers.grow_number,
        integers.next_terms,
        integers.classify_number,
        integers.apply_cases,
    )
}
