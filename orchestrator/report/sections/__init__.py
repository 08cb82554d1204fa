"""The sections of a study's page, each a function of what was found on one stream."""
