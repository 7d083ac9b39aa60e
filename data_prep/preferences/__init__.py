"""Published preference data, as they stand on the hub, turned into the pairs that a reward model trains on.

`forms` knows how data sets write a preference down; `conversations` finds problem and answer in messages; `reading` takes the programs out
of the answers and says why a row gives no pair; `account` counts. Pairs of programs that we label ourselves are `data_prep.pairs`.
"""

from data_prep.preferences.account import Account, account
from data_prep.preferences.reading import LEFT_OUT, Outcome, read_preferences, settle

__all__ = ["LEFT_OUT", "Account", "Outcome", "account", "read_preferences", "settle"]
