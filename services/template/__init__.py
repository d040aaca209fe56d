"""Template owns templates and projects, with every version of both. It says which project changed,
with its template, to all services that need its policy or target. It hears nothing.
"""
