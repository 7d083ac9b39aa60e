# A program that asks at its top for the whole module to be skipped does not pass.
import pytest

pytest.skip("all of it", allow_module_level=True)
