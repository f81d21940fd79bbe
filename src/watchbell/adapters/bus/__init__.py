"""The bus: in memory, and RabbitMQ."""
