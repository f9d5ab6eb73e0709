"""The configurations themselves, one module for each family of models."""
