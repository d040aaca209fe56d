"""Intake owns items, imports and refusals: it reads what a tenant sends, checks it against the
template and removes duplicates. It says which items were admitted and which were refused. It hears
of projects, and of predictions that failed because of the item itself.
"""
