from .Pipe import Pipe

__all__ = [
    "Pipe"
]