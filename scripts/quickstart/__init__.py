"""`make quickstart`: the whole loop at a size that a laptop trains."""
