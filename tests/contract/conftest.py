"""Failing assertions of the shared suite show their values."""

import pytest

pytest.register_assert_rewrite("tests.contract.engine_contract")
