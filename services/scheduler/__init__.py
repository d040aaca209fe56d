"""Scheduler owns a project's phase and alerts, and decides when its model is trained. It says what
the schedule is now and that a training is wanted. It hears of projects, gates and planned lots, of
predictions and how they compare with labels, of embeddings, of created, prioritized, accepted and
cancelled tasks, of work that waits, and of training rounds that could teach nothing.
"""
