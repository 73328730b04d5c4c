"""Replay of real calls for service: formats, a run in virtual time, a report that must agree.

Responsible for turning somebody else's recorded calls into orders, steps and measured intervals.
Refuses to know how the server stores or judges anything.

Example: `calls.read(path, "sf-fire")` gives calls; `run` performs them; `report` compares the two.
"""
