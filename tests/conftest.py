"""Settings for all tests."""

from hypothesis import settings

# The same examples on every run and machine; a slow machine is no fault of the code.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
