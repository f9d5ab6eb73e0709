"""What a program is told while resolvers work, and adapters that turn it into metrics."""
