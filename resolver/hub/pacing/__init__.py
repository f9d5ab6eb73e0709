"""Paces requests to the Hub: quota headers, quota pacer, concurrency limit, circuit breaker."""
