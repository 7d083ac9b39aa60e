"""What decides: it holds the tests and believes the kernel and itself. What a program says is data here, and is read strictly."""
