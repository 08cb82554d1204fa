"""The sections of a study's page. Each is a function of the results on one stream."""
