"""Trust policies: who is enough, which line is wrong, and whether two histories could both be approved."""

import contextlib
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.policy_people import (
    AT,
    CHECKPOINT,
    KEY_LINES,
    LABS,
    LOG,
    OTHER_LOG,
    POLICY,
    TWO_LABS_AND_A_REGULATOR,
    WITNESSES,
    cosigned,
    log_line,
    mutated,
    policy,
)

from detent.errors import DetentError, TrustError, UsageError
from detent.ledger import CosigningKey, Note, Policy, least_shared, refuse_forks
from detent.ledger.notes import Signature
from detent.ledger.policy import LARGEST_POLICY, MOST, shown

ENOUGH = {
    "two labs and a regulator": ("lab-a", "lab-c", "agency"),
    "all labs and the other regulator": (*LABS, "ministry"),
    "everybody": tuple(WITNESSES),
    "names the policy does not know, beside": ("lab-a", "lab-b", "agency", "stranger"),
}
TOO_FEW = {
    "nobody": (),
    "one lab and both regulators": ("lab-a", "agency", "ministry"),
    "three labs": LABS,
    "strangers alone": ("x", "y", "z", "both", "labs", "regulators"),
}


@pytest.mark.parametrize("who", ENOUGH.values(), ids=ENOUGH.keys())
def test_these_are_enough(who: tuple[str, ...]) -> None:
    assert POLICY.met(set(who))
    assert POLICY.lacks(set(who)) == ()


@pytest.mark.parametrize("who", TOO_FEW.values(), ids=TOO_FEW.keys())
def test_these_are_not(who: tuple[str, ...]) -> None:
    assert not POLICY.met(set(who))
    assert POLICY.lacks(set(who))


def test_a_checkpoint_says_who_vouches_for_it_and_since_when() -> None:
    found = POLICY.satisfied(cosigned("lab-a", "lab-b", "ministry"))
    assert (found.log, found.checkpoint) == (LOG.verify_key, CHECKPOINT)
    assert found.cosigned == {"lab-a": AT, "lab-b": AT + 1, "ministry": AT + 2}


def test_what_is_lacking_is_said_group_by_group() -> None:
    said = (
        r"2 of group both expected, got 0; 2 of group labs expected, got 1: lab-a; "
        r"1 of group regulators expected, got 0\."
    )
    with pytest.raises(TrustError, match=said):
        POLICY.satisfied(cosigned("lab-a"))


def test_a_group_that_is_fulfilled_is_not_called_short() -> None:
    assert POLICY.lacks({"lab-a", "lab-b"}) == (
        "2 of group both expected, got 1: labs",
        "1 of group regulators expected, got 0",
    )


def test_a_quorum_may_be_one_witness() -> None:
    one = policy("quorum agency\n")
    assert one.satisfied(cosigned("agency")).cosigned == {"agency": AT}
    with pytest.raises(TrustError, match="a cosignature of witness agency expected, got none"):
        one.satisfied(cosigned("lab-a"))


def test_a_quorum_of_none_asks_for_the_logs_signature_alone() -> None:
    nobody = policy("quorum none\n")
    assert nobody.met(set())
    assert nobody.satisfied(cosigned()).cosigned == {}
    with pytest.raises(TrustError, match="signed by a log of the policy"):
        nobody.satisfied(Note(CHECKPOINT.text(), (WITNESSES["agency"].cosign(CHECKPOINT, AT),)))


def test_a_log_may_sign_with_ml_dsa_alone() -> None:
    key = CosigningKey.create(CHECKPOINT.origin, "ml-dsa-44")
    rules = f"log {key.verify_key}\nquorum none\n"
    note = Note(CHECKPOINT.text(), (key.cosign(CHECKPOINT, AT),))
    assert Policy.parse(rules.encode()).satisfied(note).log == key.verify_key


FULL = cosigned("lab-a", "lab-b", "agency")
LINES = FULL.signatures
REFUSED = {
    "the log did not sign": Note(FULL.text, LINES[1:]),
    "another log of the world signed": Note(FULL.text, (log_line(key=OTHER_LOG), *LINES[1:])),
    "the log signed another size": Note(FULL.text, (log_line(replace(CHECKPOINT, size=8)), *LINES[1:])),
    "a witness cosigned another size": Note(
        FULL.text, (*LINES[:3], WITNESSES["agency"].cosign(replace(CHECKPOINT, size=8), AT))
    ),
    "a witness cosigned another root": Note(
        FULL.text, (*LINES[:3], WITNESSES["agency"].cosign(replace(CHECKPOINT, root=bytes(32)), AT))
    ),
    "one lab, twice": cosigned("lab-a", "lab-a", "agency"),
    "a lab's name under another key": Note(
        FULL.text, (*LINES[:2], CosigningKey.create("lab-b.example/w").cosign(CHECKPOINT, AT), LINES[3])
    ),
    "a known cosigner's line that is wrong, beside enough others": Note(
        FULL.text,
        (
            *LINES,
            Signature(
                LINES[1].name, LINES[1].key_id, LINES[1].signature[:-1] + bytes([LINES[1].signature[-1] ^ 1])
            ),
        ),
    ),
    "the log's own line that is wrong, beside the right one": Note(
        FULL.text, (*LINES, Signature(LINES[0].name, LINES[0].key_id, bytes(64)))
    ),
    "no checkpoint at all": Note("Hello\n", LINES),
    "a checkpoint with an extension line": Note(FULL.text + "more\n", LINES),
}


@pytest.mark.parametrize("note", REFUSED.values(), ids=REFUSED.keys())
def test_a_checkpoint_is_not_believed_when(note: Note) -> None:
    with pytest.raises(TrustError, match="expected, got"):
        POLICY.satisfied(note)


def test_a_log_cannot_speak_for_another_of_the_same_policy() -> None:
    both = Policy.parse(f"log {LOG.verify_key}\nlog {OTHER_LOG.verify_key}\nquorum none\n".encode())
    with pytest.raises(TrustError, match="no key of that log in the policy signed"):
        both.satisfied(Note(CHECKPOINT.text(), (log_line(key=OTHER_LOG),)))
    assert (
        both.satisfied(Note(CHECKPOINT.text(), (log_line(key=OTHER_LOG), log_line()))).log == LOG.verify_key
    )


def test_a_policy_without_logs_is_read_and_believes_no_checkpoint() -> None:
    with pytest.raises(TrustError, match="it names no log"):
        Policy.parse(b"quorum none\n").satisfied(cosigned())


def test_urls_comments_tabs_and_empty_lines_are_read() -> None:
    lab = WITNESSES["lab-a"].verify_key
    text = f"\t# who\n\n  log\t{LOG.verify_key}  https://log.example/ \nwitness w {lab} https://lab.example/w\nquorum\tw\n"
    read = Policy.parse(text.encode())
    assert (read.logs[0].url, read.witnesses["w"].url) == ("https://log.example/", "https://lab.example/w")
    assert read.quorum == "w"


def test_names_are_bytes_and_no_two_become_one() -> None:
    lab, agency = WITNESSES["lab-a"].verify_key, WITNESSES["agency"].verify_key
    kelvin, latin = "\N{KELVIN SIGN}".encode(), b"K"
    for other in (kelvin, b"\xff", b"\xc2\xa0", "é".encode(), b"e\xcc\x81"):
        text = b"witness " + latin + f" {lab}\nwitness ".encode() + other + f" {agency}\n".encode()
        read = Policy.parse(text + b"group g all " + other + b" K\nquorum g\n")
        assert len(read.witnesses) == 2
        assert not read.met({"K"})


def test_a_name_with_a_terminals_escapes_is_shown_with_escapes() -> None:
    assert [shown("\x9b2J"), shown("\udcff"), shown("lab é")] == ["\\x9b2J", "\\udcff", "lab é"]


def test_a_hundred_of_each_and_groups_a_hundred_deep_are_read() -> None:
    keys = [CosigningKey.create(f"w{number}").verify_key for number in range(MOST)]
    lines = [f"witness w{number} {key}" for number, key in enumerate(keys)]
    groups = ["group g0 all w0"]
    groups += [f"group g{number} 2 g{number - 1} w{number}" for number in range(1, MOST)]
    deep = Policy.parse("\n".join([*lines, *groups, f"quorum g{MOST - 1}", ""]).encode())
    everybody = {f"w{number}" for number in range(MOST)}
    assert deep.met(everybody)
    assert not deep.met(everybody - {"w0"})
    assert [set(who) for who in least_shared(deep)] == [everybody, everybody]
    for more in ("witness x " + str(CosigningKey.create("x").verify_key), "group x any w0"):
        with pytest.raises(UsageError, match=f"at most {MOST}"):
            Policy.parse("\n".join([*lines, *groups, more, ""]).encode())


GROUPS = "group labs 2 lab-a lab-b lab-c\n"
WRONG = {
    "no line at all": (b"", "one quorum line expected, got none"),
    "no quorum": (KEY_LINES.encode(), "one quorum line expected, got none"),
    "two quorums": (
        f"{KEY_LINES}quorum agency\nquorum agency\n".encode(),
        "line 8: one quorum line expected",
    ),
    "a quorum of none and another": (f"{KEY_LINES}quorum none\nquorum agency\n".encode(), "line 8"),
    "a quorum that nothing defines": (b"quorum labs\n", "line 1: a witness or group that an earlier line"),
    "a quorum above its group": (f"{KEY_LINES}quorum labs\n{GROUPS}".encode(), "line 7: a witness or group"),
    "a quorum of two names": (f"{KEY_LINES}quorum lab-a lab-b\n".encode(), "line 7"),
    "a forward reference": (f"{KEY_LINES}group all-of all labs\n{GROUPS}quorum labs\n".encode(), "line 7"),
    "a group in itself": (f"{KEY_LINES}group g any g\nquorum g\n".encode(), "line 7"),
    "two groups in each other": (f"{KEY_LINES}group g any h\ngroup h any g\nquorum g\n".encode(), "line 7"),
    "a member of two groups": (
        f"{KEY_LINES}{GROUPS}group g any lab-a\nquorum g\n".encode(),
        "in no group yet",
    ),
    "a member twice in one group": (
        f"{KEY_LINES}group g 2 lab-a lab-a\nquorum g\n".encode(),
        "in no group yet",
    ),
    "none as a member": (f"{KEY_LINES}group g any none\nquorum g\n".encode(), "line 7"),
    "a group called none": (f"{KEY_LINES}group none any lab-a\nquorum none\n".encode(), "not taken"),
    "a witness called none": (f"witness none {WITNESSES['lab-a'].verify_key}\n".encode(), "not taken"),
    "a group with a witness's name": (f"{KEY_LINES}group lab-a any lab-b\n".encode(), "not taken"),
    "two groups of one name": (f"{KEY_LINES}{GROUPS}group labs any agency\n".encode(), "not taken"),
    "a group without members": (f"{KEY_LINES}group g any\n".encode(), "line 7"),
    "zero of three": (f"{KEY_LINES}group g 0 lab-a lab-b lab-c\n".encode(), "a number"),
    "four of three": (f"{KEY_LINES}group g 4 lab-a lab-b lab-c\n".encode(), "1 to 3 of 3"),
    "minus one": (f"{KEY_LINES}group g -1 lab-a\n".encode(), "a number"),
    "a count with a zero before": (f"{KEY_LINES}group g 02 lab-a lab-b\n".encode(), "a number"),
    "a count in other digits": (
        f"{KEY_LINES}group g \N{FULLWIDTH DIGIT TWO} lab-a lab-b\n".encode(),
        "a number",
    ),
    "a huge count": (f"{KEY_LINES}group g {'9' * 5000} lab-a\n".encode(), "a number"),
    "most": (f"{KEY_LINES}group g most lab-a lab-b\n".encode(), "a number"),
    "one log twice": (f"{KEY_LINES}log {LOG.verify_key}\n".encode(), "line 7: a public key that is not"),
    "one log under two names": (
        f"{KEY_LINES}log {replace(LOG.verify_key, name='example.com/x')}\n".encode(),
        "a public key that is not in the policy yet",
    ),
    "one witness under two names": (
        f"{KEY_LINES}witness again {replace(WITNESSES['lab-a'].verify_key, name='x')}\n".encode(),
        "a public key that is not in the policy yet",
    ),
    "the log as its own witness": (
        f"log {LOG.verify_key}\nwitness w {CosigningKey(LOG.name, LOG.private).verify_key}\n".encode(),
        "a public key that is not in the policy yet",
    ),
    "a steward's key as a witness's": (f"witness w {LOG.verify_key}\n".encode(), "type 4 or 6"),
    "a witness's Ed25519 key as a log's": (f"log {WITNESSES['lab-a'].verify_key}\n".encode(), "type 1 or 6"),
    "a key with a letter changed": (KEY_LINES.replace("lab-a.example", "lab-x.example").encode(), "line 2"),
    "a witness without a name": (f"witness {WITNESSES['lab-a'].verify_key}\n".encode(), "line 1"),
    "a word too many": (f"log {LOG.verify_key} https://a https://b\n".encode(), "line 1"),
    "an unknown word": (b"\nlogs x\n", "line 2"),
    "a word in capitals": (b"QUORUM none\n", "line 1"),
    "a comment after a quorum": (b"quorum none # nobody\n", "line 1"),
    "a no-break space between words": ("quorum\N{NO-BREAK SPACE}none\n".encode(), "line 1"),
    "carriage returns": (b"quorum none\r\n", "line 1: no control characters .* 0x0d"),
    "a form feed": (b"# a\n\x0cquorum none\n", "line 2: no control characters"),
    "a byte order mark": (b"\xef\xbb\xbfquorum none\n", "line 1"),
    "a delete character in a comment": (b"# \x7f\nquorum none\n", "line 1: no control characters"),
    "a last line cut off": (
        TWO_LABS_AND_A_REGULATOR[:-6].encode(),
        "last line: a line that ends in a newline",
    ),
    "a vkey that is no UTF-8": (b"log \xff+00000000+AAAA\nquorum none\n", "line 1"),
    "a megabyte": (b"#" * LARGEST_POLICY + b"\nquorum none\n", f"at most {LARGEST_POLICY} bytes"),
}


@pytest.mark.parametrize(("data", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_policy_is_refused_and_its_line_named_for(data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Policy.parse(data)


WORDS = st.sampled_from(
    [
        b"log",
        b"witness",
        b"group",
        b"quorum",
        b"none",
        b"all",
        b"any",
        b"1",
        b"2",
        b"a",
        b"b",
        b" ",
        b"\t",
        b"\n",
        b"#",
    ]
    + [str(key.verify_key).encode() for key in (LOG, WITNESSES["lab-a"])]
)


@given(st.lists(WORDS, max_size=40).map(b" ".join) | st.binary(max_size=200))
def test_no_bytes_break_the_reading_of_policies(data: bytes) -> None:
    with contextlib.suppress(UsageError):
        read = Policy.parse(data)
        assert read.quorum == "none" or read.quorum in {*read.witnesses, *read.groups}


@given(mutated(TWO_LABS_AND_A_REGULATOR.encode()))
def test_a_damaged_policy_is_refused_or_names_none_but_the_keys_it_was_written_with(data: bytes) -> None:
    with contextlib.suppress(UsageError):
        read = Policy.parse(data)
        assert {log.key for log in read.logs} <= {LOG.verify_key}
        assert {each.key for each in read.witnesses.values()} <= {
            key.verify_key for key in WITNESSES.values()
        }
        assert read.met({*read.witnesses}) or read.lacks({*read.witnesses})


@given(st.integers(min_value=0, max_value=len(TWO_LABS_AND_A_REGULATOR) - 2))
def test_a_policy_cut_short_is_never_a_policy(length: int) -> None:
    with pytest.raises(UsageError):
        Policy.parse(TWO_LABS_AND_A_REGULATOR.encode()[:length])


KEYS = [CosigningKey.create(f"w{number}").verify_key for number in range(7)]
SEVEN = "".join(f"witness w{number} {key}\n" for number, key in enumerate(KEYS))


@st.composite
def trees(draw: st.DrawFn) -> Policy:
    """Any nesting of thresholds over at most seven witnesses."""
    left = [f"w{number}" for number in range(draw(st.integers(1, 7)))]
    lines: list[str] = []
    while len(left) > 1:
        many = draw(st.integers(1, len(left)))
        members, left = left[:many], left[many:]
        lines.append(f"group g{len(lines)} {draw(st.integers(1, many))} {' '.join(members)}\n")
        left.append(f"g{len(lines) - 1}")
        if many == 1 and len(lines) > 9:
            break
    return Policy.parse(f"{SEVEN}{''.join(lines)}quorum {left[-1]}\n".encode())


@given(trees())
def test_the_fewest_shared_witnesses_are_those_that_trying_every_two_sets_finds(tree: Policy) -> None:
    one, other = least_shared(tree)
    assert tree.met(one)
    assert tree.met(other)
    names = list(tree.witnesses)
    every = [set(who) for count in range(8) for who in itertools.combinations(names, count)]
    enough = [who for who in every if tree.met(who)]
    smallest = [who for who in enough if not any(less < who for less in enough)]
    assert len(one & other) == min(len(a & b) for a in smallest for b in smallest)


@given(st.integers(1, 7), st.data())
def test_for_k_of_n_the_rule_is_more_than_half_of_witnesses_and_liars(n: int, data: st.DataObject) -> None:
    k, liars = data.draw(st.integers(1, n)), data.draw(st.integers(0, n))
    flat = Policy.parse(f"{SEVEN}group g {k} {' '.join([f'w{i}' for i in range(n)])}\nquorum g\n".encode())
    if 2 * k > n + liars:
        refuse_forks(flat, liars)
    else:
        with pytest.raises(UsageError, match="two histories"):
            refuse_forks(flat, liars)


def test_two_labs_of_three_and_any_regulator_holds_while_nobody_lies_and_not_beyond() -> None:
    refuse_forks(POLICY, 0)
    with pytest.raises(UsageError, match="with 1 in common: they could approve two histories"):
        refuse_forks(POLICY, 1)


def test_a_quorum_of_none_or_of_any_can_be_forked_by_nobody_at_all() -> None:
    for rules in (
        "quorum none\n",
        "group g any lab-a lab-b\nquorum g\n",
        "group g 1 lab-a lab-b lab-c\nquorum g\n",
    ):
        with pytest.raises(UsageError, match="with 0 in common"):
            refuse_forks(policy(rules), 0)


def test_a_quorum_of_one_witness_is_as_good_as_that_witness() -> None:
    refuse_forks(policy("quorum agency\n"), 0)
    with pytest.raises(UsageError, match="agency reach, and agency too"):
        refuse_forks(policy("quorum agency\n"), 1)


@given(st.lists(st.sampled_from([*LINES, log_line(key=OTHER_LOG)]), max_size=8))
def test_the_order_of_lines_and_their_repetition_change_nothing(lines: list[Signature]) -> None:
    believed = {*LINES} <= {*lines}
    try:
        POLICY.satisfied(Note(FULL.text, tuple(lines)))
    except DetentError:
        assert not believed
    else:
        assert believed
