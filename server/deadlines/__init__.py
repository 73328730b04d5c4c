"""Timers that ring: who is told something when a countdown runs out, on whichever node is there to do it."""
