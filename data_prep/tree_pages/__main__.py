"""Write the pages of a run: `python -m data_prep.tree_pages --trees DIR --out DIR`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import DataError


class TreePages(Command):
    """Write an HTML page per search tree, and a gallery of them."""

    trees: Path
    """Folder of a search, or of its shards."""
    out: Path
    """Folder for the pages; open its index.html."""
    most: int = Field(default=200, gt=0)
    """Trees to show, from the first."""


def main(settings: TreePages) -> None:
    """Write the pages."""
    from data_prep.search.run import read_trees
    from data_prep.tree_pages import write_gallery, write_page

    pages = [write_page(tree, settings.out) for tree in islice(read_trees(settings.trees), settings.most)]
    if not pages:
        raise DataError(f"{settings.trees} has no finished tree; give the search's command again, and look at what it says.")
    print(f"{len(pages)} trees: {write_gallery(pages, settings.out)}")


if __name__ == "__main__":
    run(TreePages, main)
