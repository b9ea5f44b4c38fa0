"""[witnesses]: who outside of the run vouches for its ledger, and what they add to the seal.

>>> entropy_mode(charter_without_witnesses), sealing_keys(charter_without_witnesses)
('none', ())
"""

from collections.abc import Collection

from detent.charter.document import Draft
from detent.ledger import CosignerKey, Policy
from detent.values import Entropy


def policy_of(charter: Draft) -> Policy | None:
    """The witnesses and their quorum; None where the charter names none."""
    return None if charter.witnesses is None else Policy.parse(charter.witnesses.policy.encode())


def entropy_mode(charter: Draft) -> Entropy:
    """What outsiders add to each opening's seed."""
    return "none" if charter.witnesses is None else charter.witnesses.entropy


def sealing_keys(charter: Draft) -> tuple[str, ...]:
    """Verify keys of the witnesses that count for the seal, in their order; none where nothing is added."""
    policy = policy_of(charter)
    if charter.witnesses is None or policy is None or charter.witnesses.entropy == "none":
        return ()
    names = charter.witnesses.sealing or tuple(policy.witnesses)
    return tuple(str(policy.witnesses[name].key) for name in names)


def met_by(charter: Draft, keys: Collection[CosignerKey]) -> bool:
    """Whether the witnesses with these keys are a quorum of the charter's; never where it names none."""
    policy = policy_of(charter)
    return policy is not None and policy.met(
        {name for name, witness in policy.witnesses.items() if witness.key in keys}
    )
