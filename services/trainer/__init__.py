"""Trainer owns the models that are trained while people label, and their registry. It says how a
candidate was evaluated, which version was promoted or rolled back, that a round could teach
nothing, and which tasks to label next. It hears of projects, embeddings, accepted and cancelled
tasks, requested trainings, planned lots and gates.
"""
