"""Backups: a copy of everything a centre needs to go on, checked when it is made and before it is put back."""
