"""The worker process of the sandbox: a referee, which holds the tests, and a zygote, which forks one child per program.

Only the standard library is imported here, and as little of it as possible: everything imported is copied by every fork. A referee never
shows a child more than the child needs: the candidate's process gets the program and the arguments of the calls, never the expected
results, and what it sends back is read as data and compared in the referee.

    the caller ──jobs──► referee ──► zygote ──fork──► child: limits, own namespaces, Landlock, seccomp; then the program
                            ▲                           │
                            └──── results (a memfd) ────┘
"""
