"""Holds the configuration classes, one module per family of models."""
