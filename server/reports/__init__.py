"""Figures about clocks, for people: pure counting of rows that others read, and files made of the counts.

Example: `figures.of(rows, edges_ms=(30_000, 60_000), now_ms=now)` counts them into three buckets and a rest.
"""
