"""The gateway owns tenants, users, API keys, uploads and webhooks; every REST and platform request
enters here and is authorised here. It says which users changed. It hears of completed, accepted and
rejected deliveries, gates, paused and resumed annotators, schedules and refused items, which it
passes on to live progress and webhooks.
"""
