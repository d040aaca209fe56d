"""Task-dispatch owns tasks, their states and the leases on them, and the annotations and reviews
that people give: a task is made of each admitted item (or several, where the item is worked in
parts), waits for a prediction, the router and people, and ends accepted, delivered or cancelled. It
says which tasks were created, opened, accepted or cancelled, which have all annotations or reviews
they wait for, which ask the router or a model again, which labels were withdrawn, and what waits
for people. It hears of projects, users and pauses, of admitted items, of routings, gates, schedules
and promoted models, and of deliveries that froze labels or were rejected.
"""
