"""The smallest project that audit.django can live in; it owns the role of the application."""
