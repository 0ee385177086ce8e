"""The broker that sends through a channel layer of Django Channels, which keeps no history."""
