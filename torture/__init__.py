"""Experiments that hurt the software on purpose: `python -m torture NAME [--long]`."""
