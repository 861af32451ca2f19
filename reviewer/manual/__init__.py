"""The service manual: Markdown sections, and the catalogue of rules proven against them."""
