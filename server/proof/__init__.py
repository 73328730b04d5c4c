"""The log made provable: its tree, who signs it and when, and what is handed out about it (TL, XP)."""
