"""What `make bench-quality` measures: one module per group of rows, each with `rows(data)`."""
