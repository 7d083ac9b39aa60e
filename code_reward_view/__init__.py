"""What a run did, on a page in the browser: answers, verdicts, curves, errors. Reads files, changes nothing, and trusts no byte of them.

A run's files grow while somebody looks, hold what a model wrote, and may be large. So what is kept in memory of an answer is a row of
numbers (`table`), its text is fetched from its file when it is looked at (`files`, `dumps`), nothing in a file is executed or unpickled
beyond plain data, and the page puts every text on the screen as text. The server (`server`) listens on this machine only; `export` writes
the same page as one file.
"""
