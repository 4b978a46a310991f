"""pooclint finds connection and pool leaks in Python code."""

__version__ = "0.1.0"
