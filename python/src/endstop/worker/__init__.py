"""Where tools run that were moved out of the host: the template, the workers forked from it, and what they share.

Nothing here is a public interface. The template never runs a tool; a worker runs one call at a time.
"""
