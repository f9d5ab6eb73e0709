"""The path of a repo id: request, recall, next step, perform, decide, remember, answer."""
