"""Tests of the WhatsApp connector with its simulator."""
