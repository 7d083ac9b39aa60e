"""The published referees: packages of an environment of their own (`make install-referees`), run as their publishers run them.

What a referee judges runs with that referee's own guard and no other: on answers of a policy that might mean harm, run the command in a
container. The referee sees nothing of our environment, and writes only below the run's folder.
"""
