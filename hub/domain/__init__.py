"""Pure rules of the company, without any I/O."""
