"""Events: what users did. From the raw request to a typed record, and what rules count; pure functions throughout."""
