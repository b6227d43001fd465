"""Run many Proxy Agents through a message broker: a coordinator sends batches of targets, agents send results back.

It needs the extra ``fleet`` (Celery, with RabbitMQ as the broker). Nothing else of scanready imports this package.
"""
