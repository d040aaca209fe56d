"""Prelabel-gateway owns predictions and model routes, and is the only caller of the inference
server. It says which predictions were completed, failed or postponed, which embeddings were
computed, and what the inference server's work took. It hears of projects, new tasks, requested
predictions, its own postponed ones, and promoted or rolled-back models.
"""
