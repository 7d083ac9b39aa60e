"""What holds for all tests."""

from hypothesis import settings

# A shared machine is slow at times; where speed is promised, a test of its own measures it.
settings.register_profile("code-reward", deadline=None)
settings.load_profile("code-reward")
