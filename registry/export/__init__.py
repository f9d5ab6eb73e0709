"""Export configurations by architecture and backend: what goes into a model, what comes out, and which axes vary."""
