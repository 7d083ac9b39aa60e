"""What only a GPU can tell, as one prepared command of at most eight minutes on one card, with nothing to download."""
