"""Announcing that something moved, to whoever listens: hints only, the exchange is the truth."""
