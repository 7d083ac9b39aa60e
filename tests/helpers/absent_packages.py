"""A pytest plugin (`-p absent_packages`) that lets slime's own contract tests run where slime's dependencies are not installed."""

from slime_modules import install_shells

ABSENT = install_shells()


def pytest_report_header() -> str:
    return f"replaced by empty shells: {', '.join(sorted(ABSENT)) or 'nothing'}"
