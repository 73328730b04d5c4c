"""What a device sent and what a screen was made from, for whoever is asked why (docs/support.md)."""
