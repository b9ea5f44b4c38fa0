"""`python -m tests.fuzz NAME --seconds 60`: change what a parser takes, at random, and see that it takes or refuses.

NAME is one of `tests.fuzz.targets`, or `all`, for so long each.
"""

import argparse
import sys
import time

from tests.fuzz.mutating import ParserError, fuzz
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Print how many inputs each target got, and took; 1 when one stumbled."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", choices=["all", *TARGETS])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, help="default: another one each time, which is printed")
    options = parser.parse_args()
    seed = time.time_ns() if options.seed is None else options.seed
    failed = 0
    for name in TARGETS if options.name == "all" else [options.name]:
        try:
            tried, taken = fuzz(TARGETS[name], seed=seed, seconds=options.seconds)
            sys.stdout.write(f"{name}: {tried:,} inputs, {taken:,} of them taken, seed {seed}\n")
        except ParserError as error:
            failed = 1
            sys.stdout.write(f"{name}: {error}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
