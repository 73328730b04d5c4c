"""The two ends must agree on everything in here: pure rules, no I/O, no clock, no chance."""
