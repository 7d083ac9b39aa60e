"""What tree search is worth: reward models from trees, from independent samples, and from trees that lack one thing, at equal cost."""
