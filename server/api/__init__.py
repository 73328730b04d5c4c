"""HTTP under `/api` and `/sync`: reads requests, asks the rooms below, writes answers. Decides
nothing.
"""
