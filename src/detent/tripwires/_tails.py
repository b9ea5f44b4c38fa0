"""Exact tails and sums, in logarithms."""

from functools import lru_cache
from math import exp, fsum, inf, isfinite, lgamma, log, log1p

NEGLIGIBLE = 1e-17
"""A term smaller than this share of the sum changes nothing."""


@lru_cache(maxsize=65_536)
def log_choose(n: int, k: int) -> float:
    """Ln of n over k."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def log_sum(terms: list[float]) -> float:
    """Ln of the sum of exp(terms); -inf for none."""
    top = max(terms, default=-inf)
    return top + log(fsum([exp(term - top) for term in terms])) if isfinite(top) else top


def log_mean(terms: list[float]) -> float:
    """Ln of the mean of exp(terms)."""
    return log_sum(terms) - log(len(terms))


def log_upper(hits: int, n: int, p: float) -> float:
    """Ln P(X >= hits), X binomial(n, p), 0 < p < 1; 0.0 where hits <= n p, which is larger."""
    return 0.0 if hits <= n * p else _beyond(hits, n, p)


def log_lower(hits: int, n: int, p: float) -> float:
    """Ln P(X <= hits), X binomial(n, p), 0 < p < 1; 0.0 where hits >= n p, which is larger."""
    return 0.0 if hits >= n * p else _beyond(n - hits, n, 1 - p)


def _beyond(hits: int, n: int, p: float) -> float:
    """Ln P(X >= hits) for hits above n p: from there the terms only fall."""
    term = total = 1.0
    for k in range(hits, n):
        term *= (n - k) / (k + 1) * p / (1 - p)
        total += term
        if term < NEGLIGIBLE * total:
            break
    return log_choose(n, hits) + hits * log(p) + (n - hits) * log1p(-p) + log(total)
