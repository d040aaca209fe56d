"""What others are told of tasks: events, waiting work, people's work as counters."""
