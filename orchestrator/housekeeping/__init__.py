"""Lists, shows and removes what lies in the runs folder."""
