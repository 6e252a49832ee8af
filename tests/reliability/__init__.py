"""What happens to the promise when things break."""
