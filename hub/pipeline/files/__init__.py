"""Fetches the files that came with messages, each kept under a random name once it was looked at."""

from hub.pipeline.files.shelf import Shelf, shelf_of
from hub.pipeline.files.worker import FileWorker

__all__ = ["FileWorker", "Shelf", "shelf_of"]
