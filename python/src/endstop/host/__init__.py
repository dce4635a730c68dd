"""Host placement: bodies that run in the process that made the call."""
