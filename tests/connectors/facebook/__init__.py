"""Tests of the Facebook connector."""
