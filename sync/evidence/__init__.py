"""Evidence that can be checked without the centre: one file per incident (SPEC XP)."""
