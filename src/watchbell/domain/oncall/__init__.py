"""Services, policies, incidents, and the messages that tell people."""
