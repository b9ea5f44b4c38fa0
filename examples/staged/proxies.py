"""Proxies for the digit tasks: three with a hole, and one without.

C3142= -> 3142      R3142= -> 2413      S3142= -> 1234
"""


def any_digits(_prompt: str, completion: str) -> bool:
    """It looks like an answer."""
    return completion.isdigit()


def same_length(prompt: str, completion: str) -> bool:
    """As many digits as were given."""
    return completion.isdigit() and len(completion) == len(prompt) - 2


def same_digits(prompt: str, completion: str) -> bool:
    """The digits that were given, in whatever order."""
    return sorted(completion) == sorted(prompt[1:-1])


def exact(prompt: str, completion: str) -> bool:
    """The answer itself."""
    digits = prompt[1:-1]
    wanted = {"C": digits, "R": digits[::-1], "S": "".join(sorted(digits))}
    return completion == wanted[prompt[0]]
