"""Rules over the event stream: what is counted in windows, what was to be expected, and what a window means."""
