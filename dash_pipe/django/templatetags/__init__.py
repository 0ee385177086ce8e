"""Template tags; ``{% load dash_pipe %}``."""
