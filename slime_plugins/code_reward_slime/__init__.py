"""slime's hooks: rewards, advantages, filter, curriculum and logging for a code policy trained by slime.

Every `--*-path` option of slime names something in here (`docs/slime.md` has the list). Nothing in here changes slime, and nothing of slime
is imported before slime itself runs: all modules import without it.
"""
