"""The command `code-reward`: one front door to every command of the project, and the commands that join several rooms."""
