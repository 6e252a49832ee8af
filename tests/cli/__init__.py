"""The command line, in this process or as a real one."""
