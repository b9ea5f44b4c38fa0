"""The kind of processor that work runs on, as sessions record it."""

import platform

from detent.engine import processor


def test_a_processor_is_named_by_its_architecture_and_is_the_same_each_time() -> None:
    assert processor().startswith(platform.machine())
    assert processor() == processor()
    assert "\n" not in processor()
