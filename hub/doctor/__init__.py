"""Says in Spanish what is wrong with a hub, with what to do about it."""

from hub.doctor.findings import Finding, Level, exit_code

__all__ = ["Finding", "Level", "exit_code"]
