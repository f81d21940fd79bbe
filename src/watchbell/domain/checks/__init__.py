"""What is watched, what a run said, and what that makes of its health."""
