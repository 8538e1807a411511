"""The command line: `headwater VERB`. What each verb does is in the module named after its kind."""

from .main import main

__all__ = ["main"]
