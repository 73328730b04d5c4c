"""The one door for sets: read, verify, judge, number, fold, commit, answer.

Phones, desks, imports and simulated devices all enter here. What is acknowledged is durable, with
its ruling, its projections and its effects, in one transaction (RL5).
"""
