"""Devices in Python: real clients of the protocol, used by the demo, the replay and the benches.

Responsible for phones that are not phones: own keys, own vault, own outbox, over HTTP only.
Refuses to know the server's insides; what it learns, it learns as any client does.

Example: `ortoo replay calls.csv --format alexandria` drives forty of them through a real server.
"""
