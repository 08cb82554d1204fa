"""What a study found, as tables, files and one page. Pure functions of results that were read before."""
