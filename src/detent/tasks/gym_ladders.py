"""Ladders over the tasks of reasoning-gym 0.1.25: of each the library's global levels that its levels stand for.

    >>> LADDERS["chain_sum"][:3], LADDERS["survo"]
    ((0, 1, 2), (0, 1))

Every global level of a task's curriculum is a level of the ladder, but those left out here, which are: levels whose own
configuration the library refuses; on which it found no problem within five seconds of a processor; and on which four
streams ask the same. A signed charter names the levels itself, so what changes here changes no run.
"""

from collections.abc import Mapping
from types import MappingProxyType

_HIGHEST = {
    "ab": 4,
    "acre": 1,
    "advanced_geometry": 4,
    "aiw": 9,
    "arc_1d": 4,
    "arc_agi": 4,
    "base_conversion": 5,
    "basic_arithmetic": 5,
    "bf": 3,
    "binary_alternation": 4,
    "binary_matrix": 4,
    "bitwise_arithmetic": 10,
    "caesar_cipher": 2,
    "calendar_arithmetic": 4,
    "chain_sum": 11,
    "circuit_logic": 5,
    "codeio": 4,
    "coin_flip": 13,
    "color_cube_rotation": 5,
    "complex_arithmetic": 4,
    "count_bits": 5,
    "count_primes": 5,
    "countdown": 5,
    "course_schedule": 5,
    "cryptarithm": 4,
    "decimal_arithmetic": 4,
    "decimal_chain_sum": 5,
    "dice": 4,
    "emoji_mystery": 6,
    "family_relationships": 9,
    "figlet_font": 6,
    "fraction_simplification": 4,
    "futoshiki": 4,
    "game_of_life": 4,
    "game_of_life_halting": 2,
    "gcd": 4,
    "group_anagrams": 4,
    "gsm_symbolic": 1,
    "intermediate_integration": 8,
    "isomorphic_strings": 4,
    "jugs": 3,
    "kakurasu": 4,
    "knights_knaves": 4,
    "largest_island": 4,
    "lcm": 4,
    "leg_counting": 36,
    "letter_counting": 8,
    "letter_jumble": 5,
    "list_functions": 1,
    "mahjong_puzzle": 4,
    "manipulate_matrix": 5,
    "maze": 4,
    "mini_sudoku": 5,
    "n_queens": 5,
    "needle_haystack": 4,
    "number_filtering": 4,
    "number_format": 4,
    "number_sequence": 4,
    "number_sorting": 8,
    "palindrome_generation": 4,
    "palindrome_partitioning": 4,
    "path_star": 4,
    "polynomial_equations": 4,
    "polynomial_multiplication": 4,
    "pool_matrix": 4,
    "power_function": 5,
    "prime_factorization": 4,
    "products": 11,
    "puzzle24": 7,
    "quantum_lock": 10,
    "ransom_note": 4,
    "rearc": 7,
    "rectangle_count": 5,
    "rotate_matrix": 5,
    "rotten_oranges": 4,
    "self_reference": 10,
    "sentence_reordering": 4,
    "shortest_path": 4,
    "simple_equations": 4,
    "simple_geometry": 4,
    "simple_integration": 4,
    "sokoban": 14,
    "spell_backward": 5,
    "spiral_matrix": 4,
    "string_insertion": 4,
    "string_manipulation": 5,
    "string_splitting": 4,
    "string_synthesis": 4,
    "sudoku": 5,
    "survo": 2,
    "syllogism": 4,
    "time_intervals": 7,
    "tower_of_hanoi": 4,
    "tsumego": 2,
    "word_ladder": 3,
    "word_sequence_reversal": 4,
    "word_sorting": 5,
    "zebra_puzzles": 5,
}
"""Tasks whose ladder is the first so many global levels."""

_GAPS = {
    "modulo_grid": (0, 2, 3, 4, 5),
}
"""Tasks of whose ladder a level in between is left out."""

LADDERS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    dict(sorted({**{name: tuple(range(top)) for name, top in _HIGHEST.items()}, **_GAPS}.items()))
)

_NO_ANSWER = "its entries have no answer of their own that could be matched"

UNFIT: Mapping[str, str] = MappingProxyType(
    {
        "boxnet": _NO_ANSWER,
        "composite": "it mixes other tasks and has to be told which: name those",
        "graph_color": _NO_ANSWER,
        "knight_swap": "the library refuses every level of its curriculum",
        "propositional_logic": _NO_ANSWER,
        "rubiks_cube": _NO_ANSWER,
        "rush_hour": _NO_ANSWER,
    }
)
"""Why the others cannot be improved."""
