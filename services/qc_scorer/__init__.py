"""Quality control. Owns scores and merged labels, annotators' skills, gates (streams and lots) with
their evidence, the risk budget of each project, risks of accepted labels and review requests.
Says what was scored, how a gate stands and what it recalls, which lot follows an evaluation, who is
paused or resumed, which labels are to be reviewed and what quality was measured. Hears projects,
items with known answers, submissions and reviews, routings, frozen lots, accepted, cancelled and
withdrawn tasks, refused reviews, evaluated candidates and deliveries.
"""
