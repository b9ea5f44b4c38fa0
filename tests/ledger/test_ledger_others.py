"""Programs that were not written here read what is written here, and are read: proofs, cosignatures, receipts."""

import scitt_cose  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from proofbundle import checkpoint as other_notes
from proofbundle import tlogproof as other_proofs
from tests.ledger.policy_people import LOG, WITNESSES
from tests.ledger.test_ledger_proof_files import ENTRIES, head, node, proof_of
from tests.ledger.test_ledger_receipts import receipt_of

from detent.ledger import Policy, ProofFile, verify_entry, verify_receipt
from detent.ledger.proofs import inclusion_path
from detent.signing import VerifyKey

WHO = ("lab-a", "lab-b", "agency")  # Ed25519, ML-DSA-44, Ed25519


def test_another_program_believes_our_proof_and_its_cosigners() -> None:
    vkeys = [str(WITNESSES[name].verify_key) for name in WHO]
    for size in range(1, 12):
        found = other_proofs.verify_tlog_proof(
            str(proof_of(size - 1, size, WHO)),
            ENTRIES[size - 1],
            str(LOG.verify_key),
            vkeys,
            threshold=3,
            expected_origin=LOG.name,
        )
        assert found["ok"], found
        assert (found["index"], found["tree_size"]) == (size - 1, size)


def test_another_program_refuses_our_proof_for_another_entry_or_with_a_cosigner_too_few() -> None:
    text, log = str(proof_of(6, 11, ("lab-a",))), str(LOG.verify_key)
    vkeys = [str(WITNESSES[name].verify_key) for name in WHO]
    assert not other_proofs.verify_tlog_proof(text, ENTRIES[7], log, vkeys, threshold=1)["ok"]
    assert not other_proofs.verify_tlog_proof(text, ENTRIES[6], log, vkeys, threshold=2)["ok"]


def test_we_believe_another_program_s_proof_and_its_cosigners() -> None:
    log, one, two = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()
    note = other_notes.sign_checkpoint("log.example/x", 11, head().root, log, "log.example/x")
    note = other_notes.cosign_checkpoint(note, one, "one.example", 1_700_000_000)
    note = other_notes.cosign_checkpoint_mldsa(note, two, "two.example", 1_700_000_001)
    text = other_proofs.format_tlog_proof(6, list(inclusion_path(6, 11, node)), note, b"extra")
    policy = Policy.parse(
        f"log {other_notes.vkey('log.example/x', log.public_key().public_bytes_raw())}\n"
        f"witness one {other_notes.cosign_vkey('one.example', one.public_key().public_bytes_raw())}\n"
        f"witness two {other_notes.cosign_vkey_mldsa('two.example', two.public_key().public_bytes_raw())}\n"
        "group both all one two\nquorum both\n".encode()
    )
    proven = verify_entry(ProofFile.parse(text.encode()), ENTRIES[6], policy)
    assert (proven.index, proven.checkpoint.root) == (6, head().root)
    assert proven.cosigned == {"one": 1_700_000_000, "two": 1_700_000_001}


def test_another_program_believes_our_receipt_and_no_other_entry() -> None:
    public = Ed25519PublicKey.from_public_bytes(LOG.verify_key.public)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for index in range(11):
        found = scitt_cose.verify_receipt(
            receipt_of(index), leaf_entry_hex=ENTRIES[index].hex(), log_public_key_pem=pem
        )
        assert found.ok, found
        assert (found.leaf_index, found.tree_size, found.root) == (index, 11, head().root.hex())
        wrong = scitt_cose.verify_receipt(
            receipt_of(index), leaf_entry_hex=ENTRIES[index - 1].hex(), log_public_key_pem=pem
        )
        assert not wrong.ok


def test_we_believe_another_program_s_receipt() -> None:
    key = Ed25519PrivateKey.generate()
    receipt = scitt_cose.build_receipt(
        leaf_entry_hex=ENTRIES[6].hex(),
        leaf_index=6,
        tree_entries_hex=[entry.hex() for entry in ENTRIES],
        alg="EdDSA",
        log_private_key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        iss="log.example/x",
        sub="log.example/x/6",
        kid=b"any",
    )
    vkey = VerifyKey("log.example/x", key.public_key().public_bytes_raw())
    assert verify_receipt(receipt, ENTRIES[6], vkey).root == head().root
