"""Text and wire: templates, layout, messages and transports."""
