"""What no program comes near: the tests, the expected values, and the decisions."""
