"""Measures of the page of `code-reward view`: how long until it shows a large run, and what a look costs."""
