"""The collector's HTTP side: takes events by RSGI and answers when the journal has them."""
