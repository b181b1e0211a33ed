"""The service: recommendations over HTTP, a page, and a swap of models that nobody notices."""
