"""Measured limits: one case per row of the performance table, each against a real server process.

Responsible for preparing work before the clock starts, for driving it cheaply from another process,
and for reporting what was measured with machine, versions and spread. Refuses to tune anything.

Example: `ortoo bench --case P1 --out p1.json`.
"""
