"""From a resolution to a model in memory: what to fetch, fetching it, and calling the class of its library."""
