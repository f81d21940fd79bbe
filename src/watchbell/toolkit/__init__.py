"""What plug-ins may use."""
