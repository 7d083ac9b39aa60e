"""What a reward without tests is worth on real code with a real pretrained model: `python -m scripts.real_claim`."""
