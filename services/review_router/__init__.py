"""Review-router owns the decision what happens next to a task, which one pure function takes. It
says how tasks were routed. It hears of projects, gates and groups that pass them, schedules,
completed and failed predictions, scored tasks, and tasks that ask to be routed.
"""
