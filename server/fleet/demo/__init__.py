"""The living demo: a banner whose phones and desks are simulated, around those the user opens.

Responsible for orders that arrive, officers who act on them over links that drop, and a centre that has a past
when it is first looked at. Refuses to touch what a human did: it moves only what it began itself.

Example: `make run`, then log in as `dispatcher`.
"""
