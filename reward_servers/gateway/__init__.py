"""The gateway: extraction, reward model and shaping behind the HTTP contracts that trainers know, for people who want no plugin."""
