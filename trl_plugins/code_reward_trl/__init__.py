"""The project's rewards for TRL's trainers, and small SFT and GRPO entry points."""
