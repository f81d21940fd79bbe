"""What the inside needs from outside, as small Protocols.

Each docstring is a promise that every implementation keeps.
"""
