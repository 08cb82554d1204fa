"""The results of a study as tables, files and one page. These are pure functions of results that were read
before.
"""
