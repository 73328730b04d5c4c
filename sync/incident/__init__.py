"""What an incident is: the meaning of its ops, and what follows from them (SPEC IN, DL, AU)."""
