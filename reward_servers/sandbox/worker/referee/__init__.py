"""What decides: holds the tests and what they expect, and believes the kernel and itself. What a program says is data here, read strictly."""
