"""Delivery owns accepted labels until they leave, and the deliveries they leave in: it freezes what
is ready, writes the files of each format, signs the manifest and issues the certificate. It says
which labels were frozen and which deliveries were completed, accepted by the client or rejected. It
hears of projects, of accepted, cancelled and withdrawn labels, of gates and quality reports (the
certificate's evidence), of evaluated models and of the inference server's work.
"""
