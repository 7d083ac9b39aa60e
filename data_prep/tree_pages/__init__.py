"""Static HTML pages of search trees: one page per tree that shows why a node has its value, and a gallery of a run."""

from data_prep.tree_pages.pages import Page, write_gallery, write_page

__all__ = ["Page", "write_gallery", "write_page"]
