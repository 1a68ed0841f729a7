import pytest

pytest.register_assert_rewrite("tests.snapshots.source_contract")
