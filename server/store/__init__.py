"""Where everything is kept: tables, engines, and the few statements each room above needs.

Responsible for durability and for knowing SQL. Refuses to know what a set means: it stores the
bytes received, the rulings decided and the projections folded by others.
"""
