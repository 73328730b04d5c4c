"""The shell around the sync core: what stores, serves and announces. See docs/architecture.md."""

__version__ = "0.1.0"
