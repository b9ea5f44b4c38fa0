"""What a run may do now: leases, and what stops it. It knows state and charter, not models or files."""

from detent.oversight.leases import Stop, check_grants, why_stop

__all__ = ["Stop", "check_grants", "why_stop"]
