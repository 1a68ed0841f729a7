"""Text as people write it: cleaned, recognised, cut."""
