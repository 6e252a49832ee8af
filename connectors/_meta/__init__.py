"""What the channels of Meta share: signatures, settings, calls to the Graph API."""
